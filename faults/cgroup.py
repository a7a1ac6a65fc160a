"""A cgroup for one process: a limit on its memory and on its threads, as a container has. Version 2, else version 1."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
MIB = 1 << 20


class Cgroup:
    """The directories of one group, which exist until `close`."""

    def __init__(self, directories: Sequence[Path], memory: Path | None) -> None:
        """`memory` is the file that holds the peak of the memory, none where that is not limited."""
        self.directories = directories
        self._memory = memory

    @property
    def peak_mib(self) -> float | None:
        """The most memory that was charged to the group."""
        return int(self._memory.read_text("ascii")) / MIB if self._memory else None

    def close(self) -> None:
        """Remove the group. Its process has ended."""
        for directory in self.directories:
            with suppress(OSError):
                directory.rmdir()


def create(name: str, memory_mib: int, pids: int | None) -> Cgroup:
    """Create a group below our own. Where none can be created, the group is empty and limits nothing."""
    for make in (_create_v2, _create_v1):
        made: list[Path] = []
        try:
            return make(name, memory_mib, pids, made)
        except (OSError, KeyError):
            for directory in made:
                with suppress(OSError):
                    directory.rmdir()
    return Cgroup((), None)


def _create_v2(name: str, memory_mib: int, pids: int | None, made: list[Path]) -> Cgroup:
    own = ROOT / _paths()[""].lstrip("/")
    if not {"memory", "pids"}.issubset((own / "cgroup.subtree_control").read_text("ascii").split()):
        raise OSError
    directory = _mkdir(own / name, made)
    (directory / "memory.max").write_text(str(memory_mib * MIB), "ascii")
    with suppress(OSError):
        (directory / "memory.swap.max").write_text("0", "ascii")
    if pids is not None:
        (directory / "pids.max").write_text(str(pids), "ascii")
    return Cgroup([directory], directory / "memory.peak")


def _create_v1(name: str, memory_mib: int, pids: int | None, made: list[Path]) -> Cgroup:
    paths = _paths()
    memory = _mkdir(ROOT / "memory" / paths["memory"].lstrip("/") / name, made)
    (memory / "memory.limit_in_bytes").write_text(str(memory_mib * MIB), "ascii")
    if pids is not None:
        limited = _mkdir(ROOT / "pids" / paths["pids"].lstrip("/") / name, made)
        (limited / "pids.max").write_text(str(pids), "ascii")
    return Cgroup(made, memory / "memory.max_usage_in_bytes")


def _mkdir(directory: Path, made: list[Path]) -> Path:
    directory.mkdir()
    made.append(directory)
    return directory


def _paths() -> dict[str, str]:
    """Our own groups, by controller; version 2 has none in its name."""
    lines = (line.split(":", 2) for line in OWN.read_text("ascii").splitlines())
    return {controller: path for _, controllers, path in lines for controller in controllers.split(",")}


def limits_memory() -> bool:
    """Whether groups can be created here."""
    group = create(f"firstlight-{os.getpid()}", 64, pids=64)
    group.close()
    return bool(group.directories)
