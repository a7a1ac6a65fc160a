"""Instructions per request, counted by callgrind: on the event loop, a busy machine hardly changes them."""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .processes import FailedError
from .report import Row, Section
from .rig import Rig, Server
from .variants import COMPARED, SERVICE_10, Variant

REQUESTS = 1000
WARM_UP_REQUESTS = 300
WARM_AGAIN_REQUESTS = 100  # with the counters on: what is compiled and cached at first is not counted
START_SECONDS = 180.0
COMMAND_SECONDS = 60
CONNECTIONS = 8
EXPORT_SECONDS = 5  # as OpenTelemetry's default
SETTLE_SECONDS = EXPORT_SECONDS + 1
LOOP_THREAD = "01"
SETTINGS = {
    "OTEL_BSP_SCHEDULE_DELAY": f"{EXPORT_SECONDS * 1000}",
    "PYTHONHASHSEED": "0",  # or dictionaries collide differently from run to run
}
TOTALS = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)
INSTRUCTIONS, LOOP, OTHERS, TIMES = "Instructions per request, thousands", "loop", "other threads", "times bare"
MISSING = "valgrind is not installed (Debian: `apt-get install valgrind`)"
METHOD = (
    f"callgrind (valgrind) counts the instructions of each thread for {REQUESTS:,} requests over {CONNECTIONS} "
    f"connections, after a warm-up (a fifth of that for the conventional stack). Instructions of the kernel are not in "
    "it, nor what caches and branches cost. A server is about fifty times slower here, so what its threads do by the "
    "clock (heartbeat, measurements of the process) weighs too much: as much is taken off as each thread executed in a "
    f"while without requests. Spans leave every {EXPORT_SECONDS} s, as by default; their batches are smaller than at "
    "full speed, so what remains of other threads is an upper limit, and needs a quiet machine. The figure of the loop "
    "differs by 2 % between runs at most, on a busy machine as well."
)


@dataclass(frozen=True)
class Count:
    """Thousands of instructions for one request: on the event loop, and on all other threads."""

    loop: float
    others: float

    @property
    def total(self) -> float:
        """On all threads."""
        return self.loop + self.others


def missing() -> bool:
    """Whether the tool is not there."""
    return shutil.which("valgrind") is None or shutil.which("vgdb") is None


def measure(rig: Rig) -> Section:
    """Count for all variants, two at a time: they do not disturb each other."""
    if missing():
        return Section("Instructions per request", METHOD, (INSTRUCTIONS,), [(f"skipped: {MISSING}",)])
    counts = count(rig, COMPARED)
    rows = [_row(variant, counts) for variant in COMPARED]
    return Section("Instructions per request", METHOD, (INSTRUCTIONS, LOOP, OTHERS, TIMES, "times service"), rows)


def count(rig: Rig, variants: Sequence[Variant], requests: int = REQUESTS) -> Mapping[Variant, Count]:
    """Count for some variants, one on each of the two cores."""
    cores = [rig.cores.server, rig.cores.load]
    with ThreadPoolExecutor(len(cores)) as threads:

        def on_a_core(index: int) -> Count:
            return _count(rig, variants[index], cores[index % len(cores)], rig.amounts.of(requests))

        return dict(zip(variants, threads.map(on_a_core, range(len(variants))), strict=True))


def _count(rig: Rig, variant: Variant, core: int, requests: int) -> Count:
    number = max(int(requests * variant.share), 1)
    with counted(rig, variant, core) as (server, dump):
        _send(rig, server, WARM_AGAIN_REQUESTS)
        time.sleep(SETTLE_SECONDS)
        dump()
        began = time.perf_counter()
        _send(rig, server, number)
        time.sleep(SETTLE_SECONDS)
        busy, seconds = dump(), time.perf_counter() - began
        began = time.perf_counter()
        time.sleep(SETTLE_SECONDS)
        idle, idle_seconds = dump(), time.perf_counter() - began
    net = {
        thread: (spent - idle.get(thread, 0) * seconds / idle_seconds) / number / 1000 for thread, spent in busy.items()
    }
    loop = net.pop(LOOP_THREAD)
    return Count(loop, sum(max(spent, 0) for spent in net.values()))


@contextmanager
def counted(rig: Rig, variant: Variant, core: int) -> Iterator[tuple[Server, Callable[[], dict[str, int]]]]:
    """Run a server that counts, and give what dumps its counters: instructions by thread since the dump before."""
    with tempfile.TemporaryDirectory(prefix="callgrind-") as directory:
        out = Path(directory) / "out"
        # Not from the start: the imports alone would take half a minute.
        tool = [
            "valgrind",
            "--tool=callgrind",
            "--separate-threads=yes",
            "--instr-atstart=no",
            f"--callgrind-out-file={out}",
        ]
        with rig.start(variant, core=core, under=tool, **SETTINGS) as server:
            rig.ready(server, START_SECONDS)
            _send(rig, server, WARM_UP_REQUESTS)
            _command(server, "instrumentation", "on")

            def dump() -> dict[str, int]:
                before = set(out.parent.iterdir())
                _command(server, "dump")
                files = set(out.parent.iterdir()) - before
                found = {path: TOTALS.search(path.read_text(encoding="utf-8")) for path in files}
                return {path.name.rpartition("-")[2]: int(match[1]) for path, match in found.items() if match}

            yield server, dump


def _send(rig: Rig, server: Server, number: int) -> None:
    statuses = rig.send(server, number, path=server.variant.path, connections=CONNECTIONS).statuses
    if statuses != {"200": number}:
        msg = f"{server.variant.title} answered {statuses} below valgrind"
        raise FailedError(msg)


def _command(server: Server, *words: str) -> None:
    command = ["vgdb", f"--pid={server.pid}", *words]
    done = subprocess.run(  # noqa: S603 - the command is a constant
        command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
    )
    if done.returncode != 0:
        reason = f"does not listen to {' '.join(command)}: {done.stdout}{done.stderr}"
        raise server.failure(reason)


def _row(variant: Variant, counts: Mapping[Variant, Count]) -> Row:
    found = counts[variant]
    times = f"{found.total / counts[variant.base or variant].total:.2f}" if variant.base else "1"
    of_service = f"{found.total / counts[SERVICE_10].total:.2f}" if variant.base is SERVICE_10.base else "-"
    return variant.title, f"{found.loop:.0f}", f"{found.others:.0f}", times, of_service
