"""Handles SIGTERM and SIGINT in a process without a server: calls back on the loop, and starts the watchdog's clock."""

import asyncio
import signal
from collections.abc import Callable

from ..early_stop import EarlyStop
from .watchdog import Watchdog


def on_signals(callback: Callable[[], object], watchdog: Watchdog) -> None:
    """Call `callback` on the running loop at each signal. A later call replaces the callback."""
    loop = asyncio.get_running_loop()

    def hear(*_: object) -> None:
        watchdog.told()
        loop.call_soon_threadsafe(callback)

    for number in (signal.SIGTERM, signal.SIGINT):
        earlier = signal.signal(number, hear)
        if isinstance(earlier, EarlyStop):
            earlier.obey()
