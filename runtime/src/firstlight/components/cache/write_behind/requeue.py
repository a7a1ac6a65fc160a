"""The command `requeue`: puts the writes that were set aside back into their queues."""

from collections.abc import Sequence
from typing import Any

import structlog

from ....component import Surroundings
from ....errors import UsageError
from .writes import Writes

log = structlog.get_logger()


async def requeue(surroundings: Surroundings[Any], arguments: Sequence[str]) -> None:
    """Requeue those of the queues that `arguments` name, or of all.

    Raises `UsageError` for a name that no queue has, and `UnavailableError` where a server cannot be reached.
    """
    queues = {found.name: found for found in surroundings.resources.values() if isinstance(found, Writes)}
    unknown = [name for name in arguments if name not in queues]
    if unknown:
        msg = f"there is no queue {unknown[0]!r}; the queues are {', '.join(queues) or 'none'}"
        raise UsageError(msg)
    for name in arguments or queues:
        log.info("cache.writes_requeued", queue=name, number=await queues[name].requeue())
