"""Write-behind: a request is answered when its write is in a durable queue; the write takes effect soon, and once.

    async def count(session: AsyncSession, visits: Sequence[Visit]) -> None:
        ...  # all visits of a batch, in the transaction that also removes them from the queue

    VISITS = write_behind("visits", Visit, to_database=count)

    components=[DATABASE, CACHE, VISITS, ...]

    await VISITS.of(request).add(Visit(slug))

The queue is where the writes take effect, because a batch and the mark that it was applied must be one step: a table of
the database (`write_behind_table(METADATA)` in the `tables.py` of the service, and a migration that creates it), or a
stream of Redis. A service that has neither does not start.

A write that cannot take effect, because its data contradict others or a release cannot read it, is set aside, counted
and logged. The writes after it take effect. The command `requeue` puts it back at the end of the queue.
"""

from .component import write_behind
from .queue import Depth
from .stream import Command
from .writes import Writes

__all__ = ["Command", "Depth", "Writes", "write_behind"]
