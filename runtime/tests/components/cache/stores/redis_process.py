"""Debian's redis-server in a temporary folder, as a process that tests stop, kill and start again."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from ....ports import free_port

MISSING = "redis-server is not installed: apt-get install redis-server"
TIMEOUT_SECONDS = 20.0
POLL_SECONDS = 0.01


def find() -> str | None:
    """The path of the program."""
    return shutil.which("redis-server")


class RedisProcess:
    """A server on a free port of this machine, whose data survive it with `appendonly`."""

    def __init__(self, **options: str) -> None:
        """`options` are those of its configuration, with underscores."""
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.port = free_port()
        given = {"appendonly": "yes", "appendfsync": "always", "save": "", "bind": "127.0.0.1", **options}
        self._options = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers. Raises `TimeoutError`."""
        command = [find() or "redis-server", "--port", str(self.port), "--dir", str(self.folder), *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - the options of a test
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with redis.Redis(port=self.port) as client:
            while time.monotonic() < deadline:
                try:
                    client.ping()
                except redis.RedisError:
                    time.sleep(POLL_SECONDS)
                else:
                    return
        raise TimeoutError

    def kill(self) -> None:
        """End it at once, as a lack of memory does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        """It runs."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self.folder)
