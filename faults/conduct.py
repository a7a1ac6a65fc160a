"""Run one row: start a service and its surroundings, send, wait for the expectations, end everything."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .expectations import ALWAYS, RECOVERY_SECONDS
from .outside import Outside
from .row import Expectation, Row
from .samples import Sample, Samples
from .service import Service
from .trial import Trial

RATE = 50.0
POLL_SECONDS = 0.05
WAIT_SECONDS = 15.0  # for conditions that a row waits for
SETTLE_SECONDS = 6.0  # for late log lines and metrics
LIMIT_SECONDS = {False: 60.0, True: 900.0}
MIN_PROBES = 4
WARM_SAMPLES = {False: 5, True: 55}  # without load and under load: about a second
SERVED_LOAD_SECONDS = 0.5


@dataclass(frozen=True)
class Outcome:
    """A row that was carried out."""

    row: Row
    trial: Trial
    failed: list[Expectation]
    seconds: float

    @property
    def sentences(self) -> list[str]:
        """One for each expectation that does not hold."""
        return [f"{self.row.name}: expected {each.text}; saw {each.saw(self.trial) or 'none'}." for each in self.failed]


async def conduct(row: Row, directory: Path, *, long: bool) -> Outcome:
    """Carry out one row."""
    began = time.monotonic()
    outside = await Outside.start()
    try:
        values = {"outside": f"http://127.0.0.1:{outside.port}", "port": str(outside.port)}
        settings = {name: value.format(**values) for name, value in row.settings.items()}
        service = await Service.start(directory, settings, descriptors=row.descriptors, pids=row.pids)
        try:
            trial = Trial(service=service, outside=outside, size=row.size(long=long), until=until)
            async with _observed(trial, RATE if row.under_load else 0) as samples:
                await _run(row, trial, samples, LIMIT_SECONDS[long])
            trial.samples = Samples(samples).between(trial.began, min(trial.finished, service.told))
            trial.exit_status = trial.exit_status or await service.stop()
        finally:
            await service.close()
    finally:
        await outside.close()
    failed = [each for each in (*ALWAYS, *row.expect) if not each.holds(trial)]
    return Outcome(row, trial, failed, time.monotonic() - began)


async def _run(row: Row, trial: Trial, samples: list[Sample], limit: float) -> None:
    await until(lambda: _enough(samples, WARM_SAMPLES[row.under_load]))
    trial.before = trial.after = await trial.scrape()
    trial.first_line = len(trial.service.lines)
    trial.resident_mib = trial.service.resident_mib()
    trial.service.forget_peak()
    trial.began = trial.ended = time.monotonic()
    try:
        async with asyncio.timeout(limit):
            await row.send(trial)
    except (OSError, EOFError, TimeoutError, RuntimeError, ValueError) as error:
        trial.error = f"{type(error).__name__} {error}"
    trial.ended = time.monotonic()
    trial.service.resident_mib("VmHWM")
    with suppress(TimeoutError):
        await until(lambda: _settled(row, trial, samples), SETTLE_SECONDS)
    trial.service.resident_mib("VmHWM")
    trial.peak_mib = trial.service.group.peak_mib
    trial.finished = trial.ended if trial.service.ended else time.monotonic()


async def _settled(row: Row, trial: Trial, samples: list[Sample]) -> bool:
    if trial.service.ended:
        return True
    trial.after = await trial.scrape()
    trial.finished = time.monotonic()
    trial.samples = Samples(samples).between(trial.began, trial.finished)
    if row.under_load and trial.finished < trial.ended + RECOVERY_SECONDS + SERVED_LOAD_SECONDS:
        return False
    if len(trial.samples.probes.samples) < MIN_PROBES:
        return False
    return all(each.holds(trial) for each in row.expect)


async def _enough(samples: list[Sample], count: int) -> bool:
    return len(samples) >= count


async def until(holds: Callable[[], Awaitable[object]], seconds: float = WAIT_SECONDS) -> None:
    """Ask until it holds. Raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - it asks another process, which sets no event of ours
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def _observed(trial: Trial, rate: float) -> AsyncIterator[list[Sample]]:
    """Run an observer. Yields its samples, which grow."""
    samples: list[Sample] = []
    service = trial.service
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faults.observer", str(service.port), str(service.management_port), str(rate)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    stdout = process.stdout

    async def read() -> None:
        while line := await stdout.readline():
            samples.append(Sample(*json.loads(line)))

    reader = asyncio.create_task(read())
    try:
        yield samples
        process.stdin.close()
        await reader
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
