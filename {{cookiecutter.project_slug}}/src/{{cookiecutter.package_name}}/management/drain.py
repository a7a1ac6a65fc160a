"""Leaving without losing a request.

SIGTERM turns readiness to 503 while requests are still served, because load balancers need time to notice. After
`DRAIN_SECONDS` the server is asked to stop by SIGINT, which every ASGI server takes as its own graceful stop: it closes
its listener, finishes what is in flight for at most `GRACEFUL_SECONDS`, and runs the lifespan's shutdown last.
"""

import asyncio
import signal
from collections.abc import Callable

import structlog

log = structlog.get_logger()


class Drain:
    """Holds SIGTERM while the service runs."""

    def __init__(self, seconds: float, begin: Callable[[], None]) -> None:
        """Call `begin` at SIGTERM, and stop the server `seconds` later."""
        self._seconds = seconds
        self._begin = begin
        self._begun = False

    def install(self) -> None:
        """Take SIGTERM over from the server. Where that is not possible, the server stops without a drain."""
        try:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._on_sigterm)
        except (NotImplementedError, RuntimeError, ValueError):
            log.warning("service.drain_unavailable")

    def remove(self) -> None:
        """Give SIGTERM back."""
        try:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        except (NotImplementedError, RuntimeError, ValueError):
            return

    def _on_sigterm(self) -> None:
        if self._begun:  # impatient senders change nothing; SIGINT does
            return
        self._begun = True
        log.info("service.drain_started", drain_seconds=self._seconds)
        self._begin()
        asyncio.get_running_loop().call_later(self._seconds, self._stop)

    def _stop(self) -> None:
        log.info("service.drain_finished")
        signal.raise_signal(signal.SIGINT)
