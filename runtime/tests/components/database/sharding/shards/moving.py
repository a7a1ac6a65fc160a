"""Copies slots from one shard to another."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from firstlight.components.database import Database
from firstlight.errors import UsageError

from ..tables import METADATA
from .router import Shards
from .slots import slots_in


async def copy_slots(shards: Shards, arguments: Sequence[str]) -> None:
    """`a c 64-127`: copy the rows of these slots from shard a to shard c. It may be run again.

    Raises `UsageError` for other arguments, and for slots that are not frozen.
    """
    match list(arguments):
        case [source, target, text] if {source, target} <= set(shards.named):
            slots = slots_in(text)
        case _:
            msg = "copy_slots takes the names of two shards and a range of slots"
            raise UsageError(msg)
    if not shards.frozen.issuperset(slots):
        msg = f"the slots {text} are not in SHARDS_FROZEN: rows written meanwhile would be lost"
        raise UsageError(msg)
    for slot in slots:
        await _copy(shards.named[source], shards.named[target], slot)


async def _copy(source: Database, target: Database, slot: int) -> None:
    """The rows of one slot, in one transaction of the target. They must fit into memory."""
    tables = [table for table in METADATA.sorted_tables if "slot" in table.c]
    async with target.transaction() as session:
        for table in reversed(tables):
            await session.execute(delete(table).where(table.c.slot == slot))
        for table in tables:
            rows = await source.select(select(table).where(table.c.slot == slot))
            if rows:
                await session.execute(insert(table), [dict(row._mapping) for row in rows])  # noqa: SLF001 - SQLAlchemy's public name
