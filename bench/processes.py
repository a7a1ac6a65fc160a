"""Processes under test: pinned to a core, their output read as it comes, their cost read from /proc, always ended."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
CHUNK_BYTES = 1 << 16
KEPT_CHUNKS = 256
SHOWN_BYTES = 1 << 13
END_SECONDS = 20.0
INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR")


class FailedError(RuntimeError):
    """A process failed, or did not do what it was started for."""


class Process:
    """A program on one core. Its output goes through a pipe that is read all the time."""

    def __init__(self, command: Sequence[str], core: int, variables: Mapping[str, str] | None = None) -> None:
        """Start it, for at most the length of the block it is used in."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.command = command
        self.started = time.perf_counter()
        self._popen = subprocess.Popen(  # noqa: S603 - our own programs
            command,
            cwd=ROOT,
            env={**inherited, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # so that it can be ended with all its children
        )
        os.sched_setaffinity(self._popen.pid, {core})  # before it has threads or children, which inherit it
        self.lines = 0
        self._chunks: deque[bytes] = deque(maxlen=KEPT_CHUNKS)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """Run for the length of a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running."""
        self.close()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._popen.pid

    @property
    def output(self) -> bytes:
        """The last of what it wrote."""
        return b"".join(self._chunks.copy())

    @property
    def status(self) -> int | None:
        """Its exit status, once it has ended."""
        return self._popen.poll()

    @property
    def cpu_seconds(self) -> float:
        """User and system time so far, of all threads and of living children, to the microsecond."""
        return sum(_cpu_seconds(pid) for pid in self.family())

    @property
    def waited(self) -> float:
        """How long its main thread waited for the core, which others had, against how long it ran."""
        ran, waited, _ = Path(f"/proc/{self.pid}/schedstat").read_text(encoding="ascii").split()
        return int(waited) / max(int(ran), 1)

    @property
    def rss_mib(self) -> float:
        """Resident memory, children included."""
        return sum(_resident_kib(pid) for pid in self.family()) / 1024

    def family(self) -> list[int]:
        """Itself and its descendants."""
        found = [self.pid]
        for pid in found:
            found += _children(pid)
        return found

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        self._popen.send_signal(number)

    def wait(self, seconds: float = END_SECONDS) -> int:
        """Wait for its end and its last output. Returns the exit status."""
        try:
            status = self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            reason = f"has not ended after {seconds:.0f} s"
            raise self.failure(reason) from None
        self._reader.join(seconds)
        return status

    def close(self) -> None:
        """End it: politely, then not."""
        if self.status is None:
            self._popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(END_SECONDS)
        with suppress(ProcessLookupError):  # the usual case: nobody is left
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        self._reader.join(END_SECONDS)

    def failure(self, reason: str) -> FailedError:
        """Describe what went wrong, with the last output."""
        output = self.output[-SHOWN_BYTES:].decode(errors="replace")
        return FailedError(f"{' '.join(self.command)} {reason}\n{output}")

    def _read(self) -> None:
        assert self._popen.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        with self._popen.stdout as pipe:
            while chunk := os.read(pipe.fileno(), CHUNK_BYTES):
                self.lines += chunk.count(b"\n")
                self._chunks.append(chunk)


def _cpu_seconds(pid: int) -> float:
    try:
        return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3): /proc knows hundredths of a second only
    except OSError:
        return 0


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += map(int, listing.read_text(encoding="ascii").split())
    return children
