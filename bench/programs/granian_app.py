# mypy: disable-error-code="import-not-found"
"""The emitted service as granian's worker makes it, as it is or with a drain that needs nothing of its server."""

import asyncio
import os
import signal

from firstlight import Application, create_app
from firstlight.identity import WEB
from firstlight.settings import load_for
from starlette.types import ASGIApp, Receive, Scope, Send

from .additions import SERVICE


def app() -> ASGIApp:
    """The application."""
    application = create_app(load_for(SERVICE.settings, SERVICE.identity, WEB), SERVICE)
    return Draining(application) if "BENCH_DRAIN" in os.environ else application


class Draining:
    """Takes SIGTERM over in the lifespan, and stops the server with SIGINT when the delay is over."""

    def __init__(self, application: Application) -> None:
        """Around the whole service."""
        self._application = application
        self._lifespan = application.lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, listening to the signal from the lifespan on."""
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._on_sigterm)
        await self._application(scope, receive, send)

    def _on_sigterm(self) -> None:
        if not self._lifespan.lifecycle.draining:
            self._lifespan.lifecycle.begin_drain()
            seconds = self._lifespan.settings.drain_seconds
            asyncio.get_running_loop().call_later(seconds, signal.raise_signal, signal.SIGINT)
