"""One connection on which Redis says which entries have changed, and on which a beat shows that it can still say so.

It uses client-side caching in broadcast mode (RESP3): the server names each entry that was written, removed, evicted or
has expired. The beat removes a key that never exists: it fails on a server that does not accept writes, where entries
could not be forgotten. Answers come in order, so an answered beat means that every change before it has been heard.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

import structlog

from ...data_servers import LogLimit
from ...error_type import error_type
from .connections import AddressedConnection
from .destination import Destination
from .entries import Lease
from .failures import why
from .messages import Messages
from .metrics import SERVER, SERVER_UP
from .names import Names
from .usage import Usage

log = structlog.get_logger()

RETRY_SECONDS = 0.5  # between two attempts to connect
BEATS = 4  # within the time for which memory is trusted


class Tracking:
    """The state of the server as this process knows it."""

    def __init__(  # noqa: PLR0913 - it knows the server, and tells three parts of the cache
        self,
        destination: Destination,
        names: Names,
        drift_seconds: float,
        *,
        changed: Callable[[Sequence[bytes] | None], object],
        renew: Callable[[], Awaitable[object]],
        returned: Callable[[], Awaitable[object]],
    ) -> None:
        """`changed` gets the names of entries, or None for all of them. `renew` is called for a new address.

        `returned` is called before the server is used again, and at each beat; it may raise.
        """
        self._destination, self._names, self._drift = destination, names, drift_seconds
        self._changed, self._renew, self._returned = changed, renew, returned
        self.is_up = False
        """Whether entries of the server may be used."""
        self.lease = Lease(0.0)
        """Until when entries in memory may be used that were read from the server in this session."""
        self.was_tried = asyncio.Event()
        """Set when the first attempt to connect has ended."""
        self._was_lost = False
        self._log = LogLimit()
        self._usage = Usage()
        SERVER_UP.labels(SERVER).set_function(lambda: float(self.is_up))

    async def run(self) -> NoReturn:
        """Connect, and again whenever the connection is lost, until it is cancelled."""
        while True:
            connection = AddressedConnection(destination=self._destination, protocol=3)
            try:
                await self._session(Messages(connection))
            except Exception as error:  # noqa: BLE001 - whatever it is, without this connection memory is not trusted
                self._lost(error)
            finally:
                self.is_up = False
                self.was_tried.set()
                await connection.disconnect(nowait=True)
            await asyncio.sleep(RETRY_SECONDS * random.uniform(0.5, 1))  # noqa: S311 - no secret

    async def _session(self, messages: Messages) -> None:
        """Raises when the connection is lost. It returns when the address has changed."""
        if self._destination.has_changed():
            await self._address_changed()
        await messages.open(self._names.tracked)
        reading = asyncio.ensure_future(messages.read(self._changed))
        try:
            self.lease = Lease(0.0)
            await self._beat(messages)
            self._up()
            while not self._destination.has_changed():
                await asyncio.wait({reading}, timeout=self._drift / BEATS)
                if reading.done():
                    await reading
                await self._beat(messages)
            await self._address_changed()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _beat(self, messages: Messages) -> None:
        sent = time.monotonic()
        await messages.ask("UNLINK", self._names.probe, seconds=self._drift)
        await self._returned()
        self.lease.until = sent + self._drift
        await self._usage.look(lambda section: messages.ask("INFO", section, seconds=self._drift))

    def _up(self) -> None:
        self.is_up = True
        self.was_tried.set()
        if self._was_lost:
            log.info("cache.server_returned")
        self._was_lost = False

    def _lost(self, error: Exception) -> None:
        suppressed = self._log.allow()
        if suppressed is not None or not self._was_lost:
            fields: dict[str, Any] = {"error_type": error_type(error), "reason": why(error)}
            log.warning("cache.server_lost", **fields, suppressed=suppressed or 0)
        self._was_lost = True

    async def _address_changed(self) -> None:
        address = self._destination.address
        log.info("cache.address_changed", host=address.host, port=address.port, database=address.database)
        await self._renew()
