"""The cgroup of the process: CPU throttling, memory and pressure. Files that cannot be read are left out."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .instruments import REGISTRY


class CgroupCollector(Collector):
    """The limits and the usage of this container (cgroup v2). Yields nothing on other platforms."""

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
