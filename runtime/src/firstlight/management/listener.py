"""The management port: serves probes, details and metrics in its own thread, also while the event loop is blocked."""

import asyncio
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config

from ..requests.refusals import Refusals
from .acceptor import Acceptor
from .descriptors import Reserve
from .exposition import Exposition
from .health import Health
from .pages import MetricsPage, Page, Pages, Table, health_pages
from .protocol import Limits, Port
from .worker import Worker

RESERVED_DESCRIPTORS = 4
BACKLOG = 4096  # so that a burst of connections does not displace a probe in the kernel's queue
RENDER_SHARE = 0.8  # of the time limit of a request, so that there is time left to answer 503
CLOSE_SECONDS = 0.2  # for responses in progress when the process ends
STOP_SECONDS = 0.5


class Listener:
    """Serves all clients in one thread with its own event loop. A second thread renders the metrics."""

    def __init__(  # noqa: PLR0913 - everything that differs between a service and a test is an argument
        self,
        health: Health,
        host: str,
        port: int,
        details: Mapping[str, Any],
        limits: Limits | None = None,
        *,
        more: Table | None = None,
        console: ASGIApp | None = None,
    ) -> None:
        """Bind the port. `details` are added to `/health`. Raises `OSError`, for example if the port is in use.

        `more` are pages in addition to metrics and health. `console` is the application of the development console, if
        that is on.
        """
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._limits = replace(limits or Limits(), bodies=console is not None)
        self._reserve = Reserve(RESERVED_DESCRIPTORS)
        self._loop = asyncio.SelectorEventLoop()
        self._stopping = asyncio.Event()
        self._worker = Worker("management metrics")
        seconds = RENDER_SHARE * self._limits.request_seconds
        metrics = MetricsPage(Exposition(), self._worker, self._reserve, seconds)
        reads, effects = more or Table()
        pages: dict[str, Page] = {"/metrics": metrics, **health_pages(health, details)}
        self._pages = Pages(Table({**pages, **reads}, effects), console)
        self._thread = threading.Thread(target=self._run, name="management", daemon=True)

    def start(self) -> None:
        """Start answering."""
        self._worker.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop answering, and free the port."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(STOP_SECONDS)
            self._worker.stop()
        elif not self._loop.is_closed():
            self._close()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._close()

    def _close(self) -> None:
        self._loop.close()
        self._socket.close()
        self._reserve.close()

    async def _serve(self) -> None:
        port = Port(_config(self._pages, self._limits), self._limits, Refusals("management"))
        acceptor = Acceptor(self._socket, port, self._reserve)
        acceptor.start()
        await self._stopping.wait()
        acceptor.stop()
        self._socket.close()
        await acceptor.close(CLOSE_SECONDS)
        for task in port.state.tasks:
            task.cancel()
        await asyncio.gather(*port.state.tasks, return_exceptions=True)


def _config(application: ASGIApp, limits: Limits) -> Config:
    config = Config(
        application,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        workers=1,  # else uvicorn reads WEB_CONCURRENCY
        timeout_keep_alive=limits.keep_alive_seconds,  # type: ignore[arg-type] # a timer takes any number of seconds
    )
    config.load()
    return config


def _bind(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections of the last process may be in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.settimeout(0)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
