# mypy: disable-error-code="import-not-found"
"""The emitted service as granian's worker makes it, as it is or with a drain that needs nothing of its server."""

import asyncio
import os
import signal

from acme_links.app import compose
from acme_links.lifespan import Service
from acme_links.settings import Settings, load
from starlette.types import ASGIApp, Receive, Scope, Send

from .additions import add


def app() -> ASGIApp:
    """The application."""
    add()
    service = compose(load(Settings))
    return Draining(service) if "BENCH_DRAIN" in os.environ else service.app


class Draining:
    """Takes SIGTERM over in the lifespan, and stops the server with SIGINT when the delay is over."""

    def __init__(self, service: Service) -> None:
        """Around the whole service."""
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, listening to the signal from the lifespan on."""
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._on_sigterm)
        await self._service.app(scope, receive, send)

    def _on_sigterm(self) -> None:
        if not self._service.health.draining:
            self._service.begin_drain()
            seconds = self._service.settings.drain_seconds
            asyncio.get_running_loop().call_later(seconds, signal.raise_signal, signal.SIGINT)
