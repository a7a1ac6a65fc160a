"""Where the process is in its life: starting, serving, draining. Written by the server, read from every thread."""

import asyncio


class Lifecycle:
    """The state that the two planes share."""

    def __init__(self) -> None:
        """Starting."""
        self.started = False
        self.draining = False
        self.active_requests = 0  # a plain integer, read at each scrape: cheaper than a gauge that locks
        self.management_port = 0  # known when the listener has bound it
        self._drain = asyncio.Event()

    def begin_drain(self) -> None:
        """Stop asking for traffic, and ask clients that keep a connection to open another one elsewhere."""
        self.draining = True
        self._drain.set()

    async def drain_began(self) -> None:
        """Wait until the process has been told to stop."""
        await self._drain.wait()
