"""The running service: started as in a container, its log read while it runs, always ended."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from math import inf
from pathlib import Path
from typing import Any, Self

from bench.processes import FailedError

from . import cgroup
from .emitted import PACKAGE

START_SECONDS = 30.0
END_SECONDS = 25.0
READ_BYTES = 1 << 16
INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR")
DEFAULTS = {"PORT": "0", "MANAGEMENT_PORT": "0", "LOG_FORMAT": "json", "DRAIN_SECONDS": "0", "GRACEFUL_SECONDS": "3"}
# The shell joins the groups and then becomes the service by `exec`, so the service never runs outside its limits.
LAUNCH = 'for group in $CGROUPS; do echo $$ > "$group/cgroup.procs"; done; ulimit -n "$DESCRIPTORS"; exec "$@"'
MEMORY_MIB = 192
DESCRIPTORS = 4096

Line = dict[str, Any]
_numbers = count()


class Service:
    """A process of the generated service."""

    def __init__(self, group: cgroup.Cgroup, process: asyncio.subprocess.Process) -> None:
        """Read what `process` writes."""
        self.group = group
        self.raw: list[bytes] = []
        self._process = process
        self._rest = b""
        self.told = inf  # when it was told to end
        self._parsed: list[Line] = []
        self._arrived = asyncio.Event()
        self._reader = asyncio.ensure_future(self._read())
        self.port = self.management_port = 0
        self.high_water_mib = 0.0
        self._stderr = asyncio.ensure_future(self._read_stderr())
        self.stderr = b""

    @classmethod
    async def start(
        cls, directory: Path, settings: Mapping[str, str], *, descriptors: int | None = None, pids: int | None = None
    ) -> Self:
        """Start `python -m <package>` below a limit of memory, and wait until it serves. Raises `FailedError`."""
        group = cgroup.create(f"firstlight-{os.getpid()}-{next(_numbers)}", MEMORY_MIB, pids)
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        limits = {"CGROUPS": " ".join(map(str, group.directories))}
        limits["DESCRIPTORS"] = str(descriptors or DESCRIPTORS)
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", LAUNCH, "sh", str(directory / ".venv" / "bin" / "python"), "-m", PACKAGE),
            cwd=directory,
            env={**inherited, **DEFAULTS, **limits, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C must reach this process only, which then sends SIGTERM to the service
        )
        service = cls(group, process)
        try:
            started = await service.wait_for("service.started", START_SECONDS)
        except BaseException:
            await service.close()
            raise
        service.port, service.management_port = started["port"], started["management_port"]
        return service

    @property
    def lines(self) -> list[Line]:
        """The lines so far; what is no JSON object has the event `not JSON`."""
        self._parsed += [_parsed(raw) for raw in self.raw[len(self._parsed) :]]
        return self._parsed

    def named(self, event: str, **fields: object) -> Iterator[Line]:
        """The lines of an event with these fields."""
        return (line for line in self.lines if line.get("event") == event and fields.items() <= line.items())

    async def wait_for(self, event: str, seconds: float, **fields: object) -> Line:
        """The first line of this event with these fields. Raises `FailedError` if it does not come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (found := next(self.named(event, **fields), None)) is None and not self.ended:
                    self._arrived.clear()
                    await self._arrived.wait()
                if found is not None:
                    return found
        msg = f"the service did not log {event} within {seconds:g} s: {self.raw[-2:]} {self.stderr.decode()[-2000:]}"
        raise FailedError(msg)

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.returncode is not None

    def stall(self) -> None:
        """Read no more of its standard output."""
        self._reader.cancel()

    def resume(self) -> None:
        """Read again."""
        self._reader = asyncio.ensure_future(self._read())

    def resident_mib(self, field: str = "VmRSS") -> float:
        """Resident memory now, or the most since `forget_peak` with `VmHWM`; that of the end when it has ended."""
        with suppress(OSError):
            lines = Path(f"/proc/{self._process.pid}/status").read_text("ascii").splitlines()
            found = next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), None)
            self.high_water_mib = found or self.high_water_mib
        return self.high_water_mib

    def forget_peak(self) -> None:
        """Begin anew with `VmHWM`, where the kernel can."""
        with suppress(OSError):
            Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", "ascii")

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.told = min(self.told, time.monotonic())
        if not self.ended:
            self._process.send_signal(signal.SIGTERM)

    async def stop(self) -> str:
        """End it and read the rest. Returns how it ended, in words."""
        if self.ended and self.told == inf:
            return f"that it had ended with status {self._process.returncode}"
        self.terminate()
        try:
            async with asyncio.timeout(END_SECONDS):
                status = await self._process.wait()
                await self._reader
        except TimeoutError:
            return f"did not end within {END_SECONDS:g} s"
        return f"status {status}"

    async def close(self) -> None:
        """End the process and close its pipes."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        for reader in (self._reader, self._stderr):
            reader.cancel()
        await asyncio.gather(self._reader, self._stderr, return_exceptions=True)
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public closes the pipes
        self.group.close()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while chunk := await self._process.stdout.read(READ_BYTES):
            *complete, self._rest = (self._rest + chunk).split(b"\n")
            self.raw += complete
            self._arrived.set()
        self._arrived.set()

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(READ_BYTES):
            self.stderr += chunk


def _parsed(raw: bytes) -> Line:
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    return line if isinstance(line, dict) else {"event": "not JSON", "text": raw[:200].decode(errors="replace")}
