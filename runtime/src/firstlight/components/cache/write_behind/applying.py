"""Lets the writes of a batch take effect in a transaction, without those that cannot."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from ....summary import summary
from ...database import failures
from .codec import Read, Unreadable

WriteT = TypeVar("WriteT")
Apply = Callable[[AsyncSession, Sequence[WriteT]], Awaitable[object]]


class Refused(list[tuple[bytes, str]]):
    """The texts of writes that cannot take effect, and why."""


async def apply_all(session: AsyncSession, reads: Sequence[Read[WriteT]], apply: Apply[WriteT]) -> Refused:
    """Apply all writes but those that cannot be applied, which are returned.

    Raises the error of the database where that is the cause: then no write has taken effect.
    """
    refused = Refused((read.text, read.write.reason) for read in reads if isinstance(read.write, Unreadable))
    await _apply(session, [read for read in reads if not isinstance(read.write, Unreadable)], apply, refused)
    return refused


async def _apply(session: AsyncSession, reads: Sequence[Read[WriteT]], apply: Apply[WriteT], refused: Refused) -> None:
    """Apply so many at once; where that fails, one half after the other, until the cause is found."""
    if not reads:
        return
    try:
        async with session.begin_nested():
            await apply(session, [read.write for read in reads if not isinstance(read.write, Unreadable)])
    except Exception as error:
        if _is_of_the_server(error):
            raise
        if len(reads) == 1:
            refused.append((reads[0].text, summary(error)))
            return
    else:
        return
    middle = len(reads) // 2
    await _apply(session, reads[:middle], apply, refused)
    await _apply(session, reads[middle:], apply, refused)


def _is_of_the_server(error: Exception) -> bool:
    """Whether the same writes may take effect later."""
    return isinstance(failures.translated(error), failures.DatabaseUnavailableError) or isinstance(error, TimeoutError)
