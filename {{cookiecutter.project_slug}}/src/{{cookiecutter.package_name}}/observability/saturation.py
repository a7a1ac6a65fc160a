"""How full the process is: event loop, garbage collector, thread pool, cgroup. Silent where nothing can be read."""

import asyncio
import gc
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from anyio import CapacityLimiter, to_thread
from prometheus_client import Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .metrics import REGISTRY

BEAT_SECONDS = 0.1
_PAUSE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

LOOP_LAG = Histogram(
    "event_loop_lag_seconds", "How late the event loop ran a timer.", buckets=_PAUSE_BUCKETS, registry=REGISTRY
)
GC_PAUSE = Histogram(
    "python_gc_pause_seconds",
    "Time all threads stood still for a collection.",
    buckets=_PAUSE_BUCKETS,
    registry=REGISTRY,
)
THREADS_ACTIVE = Gauge("thread_pool_active_threads", "Threads that run blocking calls.", registry=REGISTRY)
THREADS_MAX = Gauge("thread_pool_max_threads", "Blocking calls that may run at once.", registry=REGISTRY)
THREADS_QUEUED = Gauge("thread_pool_queued_tasks", "Calls waiting for a thread.", registry=REGISTRY)


class Heartbeat:
    """A timer on the event loop. Its lateness is the loop's lag, its age tells a stuck loop from a slow one."""

    def __init__(self) -> None:
        """Stopped until `start`."""
        self._beat = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._thread = 0

    def start(self) -> None:
        """Beat on the running loop."""
        self._beat = time.monotonic()
        self._thread = threading.get_ident()
        self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._on_beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()

    @property
    def age(self) -> float:
        """Seconds since the loop last ran a timer; read from any thread."""
        return time.monotonic() - self._beat

    def stack(self) -> str:
        """What the loop's thread is doing now: where it hangs, if it does."""
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - documented, underscore and all
        return "".join(traceback.format_stack(frame)) if frame else ""

    def _on_beat(self) -> None:
        LOOP_LAG.observe(max(0.0, self.age - BEAT_SECONDS))
        self.start()


class GarbageCollectionTimer:
    """Observes every pause of the garbage collector while it is registered with `gc.callbacks`."""

    def __init__(self) -> None:
        """Nothing has been collected yet."""
        self._started = 0.0

    def __call__(self, phase: Literal["start", "stop"], _: dict[str, int]) -> None:
        """Called by the interpreter around each collection."""
        if phase == "start":
            self._started = time.perf_counter()
        else:
            GC_PAUSE.observe(time.perf_counter() - self._started)


def watch_garbage_collector() -> None:
    """Time collections from now on, once per process."""
    if not any(isinstance(callback, GarbageCollectionTimer) for callback in gc.callbacks):
        gc.callbacks.append(GarbageCollectionTimer())


def watch_thread_pool() -> None:
    """Read the default thread pool of the running loop at each scrape."""
    pool: CapacityLimiter = to_thread.current_default_thread_limiter()
    THREADS_ACTIVE.set_function(lambda: pool.borrowed_tokens)
    THREADS_MAX.set_function(lambda: pool.total_tokens)
    THREADS_QUEUED.set_function(lambda: pool.statistics().tasks_waiting)


class CgroupCollector(Collector):
    """What the kernel grants this container (cgroup v2). On other platforms it yields nothing, rather than zeros."""

    def __init__(self, root: Path) -> None:
        """`root` is the directory of the process's own group."""
        self._root = root

    def collect(self) -> Iterator[Metric]:
        """Read the group's files at each scrape."""
        yield from self._cpu()
        yield from self._memory()
        yield from self._pressure()

    def _cpu(self) -> Iterator[Metric]:
        stat = self._table("cpu.stat")
        for key, name, unit in (
            ("nr_periods", "cgroup_cpu_periods", 1),
            ("nr_throttled", "cgroup_cpu_throttled_periods", 1),
            ("throttled_usec", "cgroup_cpu_throttled_seconds", 1e6),
        ):
            if key in stat:
                yield CounterMetricFamily(name, f"{key} of cpu.stat.", value=int(stat[key]) / unit)

    def _memory(self) -> Iterator[Metric]:
        usage, limit = self._read("memory.current"), self._read("memory.max")
        if usage.isdigit():
            reclaimable = int(self._table("memory.stat").get("inactive_file", 0))
            working_set = max(0, int(usage) - reclaimable)
            yield GaugeMetricFamily("cgroup_memory_usage_bytes", "memory.current less idle page cache.", working_set)
        if limit.isdigit():  # "max" is no limit
            yield GaugeMetricFamily("cgroup_memory_limit_bytes", "memory.max.", int(limit))
        events = self._table("memory.events")
        if "oom_kill" in events:
            kills = int(events["oom_kill"])
            yield CounterMetricFamily("cgroup_memory_oom_kills", "oom_kill of memory.events.", value=kills)

    def _pressure(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "cgroup_pressure_seconds", "Time some task waited for the resource (PSI).", labels=("resource",)
        )
        for resource in ("cpu", "memory", "io"):
            some = self._read(f"{resource}.pressure").partition("\n")[0]
            _, found, total = some.partition("total=")
            if found:
                family.add_metric((resource,), int(total) / 1e6)
        if family.samples:
            yield family

    def _table(self, file: str) -> dict[str, str]:
        return dict(line.split(" ", 1) for line in self._read(file).splitlines() if " " in line)

    def _read(self, file: str) -> str:
        try:
            return (self._root / file).read_text("ascii").strip()
        except OSError:
            return ""


def own_cgroup(proc: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")) -> Path:
    """The directory of this process's cgroup v2: the mount's root in a container, a path below it on a host."""
    try:
        unified = next(line for line in proc.read_text("ascii").splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return mount
    return mount / unified.removeprefix("0::").lstrip("/")


REGISTRY.register(CgroupCollector(own_cgroup()))
