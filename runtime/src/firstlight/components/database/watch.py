"""What a process looks at once a second: whether the address of the primary changed, and how the replicas are."""

from collections.abc import Sequence

import structlog

from ...context import UNOBSERVED
from .probe import Probe
from .replica_watch import ReplicaWatch, Watched
from .replicas import Replica
from .servers import Server

log = structlog.get_logger()

WATCH_SECONDS = 1.0


class Watch:
    """Of one primary and its replicas."""

    def __init__(self, primary: Server, replicas: Sequence[Replica[Server]], lag_seconds: float) -> None:
        """A replica that is behind by more than `lag_seconds` gets no reads."""
        self._primary = primary
        watched = [Watched(each, Probe(each.server.connect), each.server.renew) for each in replicas]
        self._replicas = ReplicaWatch(Probe(primary.connect), watched, lag_seconds) if watched else None

    async def look(self) -> None:
        """Look once. It leaves no spans and no metrics of statements."""
        UNOBSERVED.set(True)
        file = self._primary.url_file
        if file is not None and file.has_changed():
            url = file.address
            log.info("database.address_changed", host=url.host, port=url.port, database=url.database)
            await self._primary.renew()
        if self._replicas is not None:
            await self._replicas.look()

    def close(self) -> None:
        """Close the connections of the probes."""
        if self._replicas is not None:
            self._replicas.close()
