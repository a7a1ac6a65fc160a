"""uvicorn, taught to leave without losing a request.

SIGTERM turns readiness to 503 while requests are still served, because load balancers need time to notice. After
`DRAIN_SECONDS` the server stops in its own graceful way: it closes its listener, finishes what is in flight for at
most `GRACEFUL_SECONDS`, and runs the lifespan's shutdown last. SIGINT skips the delay.
"""

import asyncio
import errno
import gc
import os
import signal
import socket
import threading
from contextlib import ExitStack
from types import FrameType

import structlog
import uvicorn
import uvloop

from .app import compose
from .lifespan import FLUSH_SECONDS, Service
from .observability import sink
from .settings import Settings, SettingsError

KEEP_ALIVE_SECONDS = 75  # longer than load balancers keep idle connections, so that they close first
GC_THRESHOLDS = (5_000, 20, 50)  # a request makes a hundred short-lived objects, and the default is 700

log = structlog.get_logger()


def serve(settings: Settings) -> None:
    """Serve until told to stop. Raises `SettingsError` before anything listens, `SystemExit` when starting fails."""
    with bind("MANAGEMENT_", settings.management_host, settings.management_port) as management:
        management.listen()  # for a moment: the same port given twice is a mistake as well
        listener = bind("", settings.host, settings.port)
    with listener:
        service = compose(settings.model_copy(update={"port": listener.getsockname()[1]}))
        service.announced_by_server = True
        try:
            _run(Server(service), listener)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing is left to stop
            sink.stdout.flush(FLUSH_SECONDS)  # what was said after the lifespan ended, or when it failed to begin
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        os._exit(0)  # a blocking call that nobody can cancel; everything else has ended


def _run(server: "Server", listener: socket.socket) -> None:
    """Run the loop, and leave it open at the end: closing it would wait five minutes for a blocking call."""
    signal.signal(signal.SIGTERM, server.give_up)  # before the server takes the signal, and after
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    try:
        runner.run(server.serve(sockets=[listener]))
    except KeyboardInterrupt:  # the server raises the SIGINT that stopped it once more when it has stopped
        if not server.started:
            runner.close()


def bind(plane: str, host: str, port: int) -> socket.socket:
    """Take a port. It opens when the server begins to listen, which is after everything else has started."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as stack:
            bound = stack.enter_context(socket.socket(family, kind))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            stack.pop_all()
            return bound
    except OSError as error:
        variable = f"PORT {port}" if error.errno in {errno.EADDRINUSE, errno.EACCES} else f"HOST {host}"
        msg = f"{plane}{variable} cannot be opened: {error.strerror}"
        raise SettingsError(msg) from None


class Server(uvicorn.Server):
    """Serves one `Service` in this process."""

    def __init__(self, service: Service) -> None:
        """One way to configure it: uvloop, httptools, our own log lines, a context of its own for each request."""
        self._service = service
        super().__init__(
            uvicorn.Config(
                service.app,
                http="httptools",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                reset_contextvars=True,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=service.settings.graceful_seconds,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Be ready only when the port is open."""
        await super().startup(sockets)
        if self.started:
            self._loop = asyncio.get_running_loop()
            gc.freeze()  # what lives now lives on: collections need not look at it again
            gc.set_threshold(*GC_THRESHOLDS)
            self._service.announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the interpreter, between any two steps of the main thread."""
        self.give_up(sig, frame)
        if sig == signal.SIGTERM:
            self._loop.call_soon_threadsafe(self._drain)
        else:
            super().handle_exit(sig, frame)
            self._loop.call_soon_threadsafe(self._service.begin_drain)

    def give_up(self, _: int, __: FrameType | None) -> None:
        """Stop starting: nothing is lost, and what is open gets closed. Once it has served there is nothing to do."""
        if not self.started:
            raise KeyboardInterrupt

    def _drain(self) -> None:
        if self._service.health.draining:  # impatient senders change nothing
            return
        seconds = self._service.settings.drain_seconds
        log.info("service.drain_started", drain_seconds=seconds)
        self._service.begin_drain()
        self._loop.call_later(seconds, self._stop)

    def _stop(self) -> None:
        if not self.should_exit:
            log.info("service.drain_finished")
            self.should_exit = True
