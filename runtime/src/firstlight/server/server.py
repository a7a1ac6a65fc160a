"""uvicorn, with a drain that loses no request.

SIGTERM turns readiness to 503 while requests are still served, because load balancers need time to notice. After
`DRAIN_SECONDS` the server stops in its own graceful way: it closes its listener, finishes what is in flight for at
most `GRACEFUL_SECONDS`, and runs the lifespan's shutdown last. SIGINT skips the delay.
"""

import asyncio
import gc
import signal
import socket
from dataclasses import fields
from functools import partial
from types import FrameType
from typing import cast

import structlog
import uvicorn

from ..app import Application
from ..early_stop import EarlyStop
from ..identity import WEB
from ..requests.refusals import Refusals
from ..service import Service
from ..settings import Settings
from . import loop
from .connections import Connections
from .creation import created
from .ending import ending, leave
from .kernel import watch_accept_queue
from .lifespan_protocol import LifespanProtocol
from .limits import Limits
from .port import bind, bind_management
from .protocol import LimitedProtocol
from .upgrades import websockets_of
from .watchdog import Watchdog

GC_THRESHOLDS = (5_000, 20, 50)  # a request creates about 100 short-lived objects; the default is 700

log = structlog.get_logger()


def serve(settings: Settings, service: Service, watchdog: Watchdog) -> int:
    """Serve until told to stop. Returns the exit status: 1 when something was cut.

    Raises `SettingsError` before anything listens, `SystemExit` when starting fails.
    """
    with bind_management(settings) as management:
        management.listen()  # for a moment, to find out whether both ports are the same
        listener = bind(settings)
    with listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        with ending():
            application = created(settings, service, WEB)
            _run(Server(application, service, watchdog), listener)
    return leave(application.lifespan.stop.status, watchdog)


def _run(server: "Server", listener: socket.socket) -> None:
    earlier = signal.signal(signal.SIGTERM, server.give_up)  # handles the signal before and after uvicorn does
    if isinstance(earlier, EarlyStop):
        earlier.obey()
    try:
        loop.run(server.serve(sockets=[listener]))
    except KeyboardInterrupt:  # uvicorn raises the SIGINT that stopped it again at its end
        pass
    except SystemExit:  # the start has failed, or `give_up` has interrupted it
        if not server.given_up:
            raise


class Server(uvicorn.Server):
    """Serves one application in this process."""

    def __init__(self, application: Application, service: Service, watchdog: Watchdog) -> None:
        """Configure uvicorn: uvloop, httptools, our own log lines, a separate context for each request."""
        self._lifespan = application.lifespan
        self._watchdog = watchdog
        watchdog.grace, watchdog.late = self._lifespan.grace, self._lifespan.stop.late
        self.given_up = False
        self._connections = Connections(_limits(application.lifespan.settings))
        super().__init__(_config(application, service, self._connections))
        self.config.load()
        self.config.lifespan_class = LifespanProtocol

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port, then become ready."""
        self._watchdog.listen()
        await super().startup(sockets)
        if self.started:
            self._connections.watch()
            for listener in sockets or ():
                watch_accept_queue(listener)
            self._loop = asyncio.get_running_loop()
            gc.freeze()  # objects of the start are not collected, so collections need not visit them
            gc.set_threshold(*GC_THRESHOLDS)
            self._lifespan.announce()
        if self.given_up:  # the exception was raised in a callback of the interpreter, which ignores it
            self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The signal handler: Python calls it in the main thread, between any two instructions."""
        self.give_up(sig, frame)
        if sig == signal.SIGTERM:
            self._loop.call_soon_threadsafe(self._drain)
        else:
            super().handle_exit(sig, frame)
            self._loop.call_soon_threadsafe(self._lifespan.lifecycle.begin_drain)

    def give_up(self, _: int, __: FrameType | None) -> None:
        """Stop the start and close what is open. Does nothing after the process has served."""
        self._watchdog.told()
        if not self.started:
            self.given_up = True
            raise KeyboardInterrupt

    def _drain(self) -> None:
        if self._lifespan.lifecycle.draining:  # a second signal changes nothing
            return
        seconds = self._lifespan.settings.drain_seconds
        log.info("service.drain_started", drain_seconds=seconds)
        self._lifespan.lifecycle.begin_drain()
        self._loop.call_later(seconds, self._stop)

    def _stop(self) -> None:
        if not self.should_exit:
            log.info("service.drain_finished")
            self.should_exit = True


def _config(application: Application, service: Service, connections: Connections) -> uvicorn.Config:
    settings, refusals = application.lifespan.settings, Refusals("service")
    overload = application.overload
    protocol = partial(LimitedProtocol, limited_by=connections, refusals=refusals, overload=overload)
    return uvicorn.Config(
        application.serve,
        interface="asgi3",
        http=cast("type[asyncio.Protocol]", protocol),
        ws=websockets_of(service, connections, refusals),
        ws_max_size=settings.max_body_bytes,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `requests/forwarded.py` reads them, for every server
        workers=1,  # else uvicorn reads WEB_CONCURRENCY
        reset_contextvars=True,
        timeout_graceful_shutdown=settings.graceful_seconds,
    )


def _limits(settings: Settings) -> Limits:
    chosen = settings.model_dump()
    return Limits(**{field.name: chosen[field.name] for field in fields(Limits) if field.name in chosen})
