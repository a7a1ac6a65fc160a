"""Where the console of a running service is: a file in the service's folder that only its user can read.

It holds the token, like the address that `make run` prints. Git and images leave the folder out. The service writes it
when its console can be asked, and removes it at its end. One that was killed leaves it; then its process is gone.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from ..settings.console_token import LOOPBACK

FOLDER = Path(".cache/console")  # of the service
MAX_BYTES = 4096
_FOLDER, _ONLY_OURS, _FOR_OTHERS = 0o700, 0o600, 0o077
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class ConsoleAddress(NamedTuple):
    """The console of one process."""

    host: str
    port: int
    token: str
    pid: int

    @property
    def origin(self) -> str:
        """The address without a path."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@contextmanager
def published(folder: Path, process: str, address: ConsoleAddress) -> Iterator[None]:
    """Keep the file for a kind of process, such as `web`, until the end of the block. Raises `OSError`."""
    folder.mkdir(_FOLDER, parents=True, exist_ok=True)
    file = folder / f"{process}.json"
    draft = folder / f"{process}.{address.pid}"
    draft.unlink(missing_ok=True)  # of a process with the same number
    with open(os.open(draft, _NEW, _ONLY_OURS), "wb") as text:  # noqa: PTH123 - a descriptor with a mode
        text.write(orjson.dumps(address._asdict()))
    draft.replace(file)
    try:
        yield
    finally:
        if (found := find(folder, process)) is not None and found.pid == address.pid:  # not that of a later process
            with suppress(OSError):
                file.unlink()


def find(folder: Path, process: str) -> ConsoleAddress | None:
    """The console of the running process of this kind. None if there is no file, or nothing to trust in it."""
    try:
        with open(os.open(folder / f"{process}.json", os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:  # noqa: PTH123
            about = os.fstat(file.fileno())
            if about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & _FOR_OTHERS:
                return None  # somebody else could have written it, and would get what is sent there
            address = ConsoleAddress(**orjson.loads(file.read(MAX_BYTES)))
        os.kill(address.pid, 0)  # sends nothing, and raises if there is no such process
    except (OSError, ValueError, TypeError, OverflowError):
        return None
    return address if address.host in LOOPBACK else None
