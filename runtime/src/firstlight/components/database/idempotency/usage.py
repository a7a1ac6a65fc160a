"""What the keys take, and who has reached a limit. Counted from time to time, so no request pays for it."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ....idempotency import FullError, Limits
from . import statements


class Usage:
    """The usage by all instances at the last count. Until the next one, more keys than the limit may be stored."""

    def __init__(self, limits: Limits) -> None:
        """Nothing is counted yet."""
        self._limits = limits
        self._callers: dict[bytes, float] = {}
        self._next_expiry = 0.0
        self.keys = self.bytes = 0

    async def count(self, session: AsyncSession) -> None:
        """Ask the database."""
        limits = self._limits
        self.keys, self.bytes, self._next_expiry = (await session.execute(statements.TOTAL)).one()
        parameters: dict[str, Any] = {
            "keys": max(1, int(limits.keys * limits.caller_share)),
            "bytes": int(limits.bytes * limits.caller_share),
        }
        rows = await session.execute(statements.FULL_CALLERS, parameters)
        self._callers = {row.caller: row.seconds for row in rows}

    def refusal(self, caller: bytes) -> FullError | None:
        """The error for a new key of this caller, or None."""
        own = self._callers.get(caller)
        if own is not None:
            return FullError(for_all=False, seconds=max(0.0, own))
        if self.keys >= self._limits.keys or self.bytes >= self._limits.bytes:
            return FullError(for_all=True, seconds=max(0.0, self._next_expiry))
        return None
