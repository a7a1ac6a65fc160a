"""The command `requeue`: puts the writes that were set aside back into their queues."""

from collections.abc import Sequence
from typing import Any

import structlog

from ....component import Surroundings
from ....errors import CommandError, UsageError
from ....problems import UnavailableError
from ..failures import why
from .writes import Writes

log = structlog.get_logger()


async def requeue(surroundings: Surroundings[Any], arguments: Sequence[str]) -> None:
    """Requeue those of the queues that `arguments` name, or of all.

    Raises `UsageError` for a name that no queue has, and in a service without queues, `CommandError` where a server
    cannot be reached.
    """
    queues = {found.name: found for found in surroundings.resources.values() if isinstance(found, Writes)}
    if not queues:
        msg = "this service has no queue of writes"
        raise UsageError(msg)
    unknown = [name for name in arguments if name not in queues]
    if unknown:
        msg = f"there is no queue {unknown[0]!r}; the queues are {', '.join(queues)}"
        raise UsageError(msg)
    for name in arguments or queues:
        try:
            number = await queues[name].requeue()
        except UnavailableError as error:
            msg = f"the queue {name} cannot be reached: {why(error.__cause__ or error)}"
            raise CommandError(msg) from None
        log.info("cache.writes_requeued", queue=name, number=number)
