"""The Redis under test: a throw-away server on the core of the load."""

import time
from pathlib import Path

from .postgresql import POLL_SECONDS, START_SECONDS
from .processes import Process


class RedisServer(Process):
    """A server, until the end of the block."""

    def __init__(self, python: Path, core: int) -> None:
        """Start it with an interpreter that has the service."""
        super().__init__([str(python), "-m", "bench.redis_server"], core)
        while b"\n" not in self.output:
            if self.status is not None or time.perf_counter() - self.started > START_SECONDS:
                self.close()
                reason = "did not start"
                raise self.failure(reason)
            time.sleep(POLL_SECONDS)
        words = self.output.decode().split()
        self.version, self.url = " ".join(words[:2]), words[2]
