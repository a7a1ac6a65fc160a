"""Limits, usage and pressure of the container, read from cgroup v2; no series where there is no file."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from firstlight.metrics.cgroup import CgroupCollector, own_cgroup

FILES = {
    "cpu.stat": "usage_usec 900\nnr_periods 40\nnr_throttled 3\nthrottled_usec 2500000\n",
    "memory.current": "104857600\n",
    "memory.max": "268435456\n",
    "memory.events": "low 0\nhigh 0\nmax 5\noom 1\noom_kill 2\n",
    "cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 total=9\n",
    "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=250000\nfull avg10=0.00 total=9\n",
    "io.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 total=9\n",
}


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """A cgroup's directory with all files."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "ascii")
    return tmp_path


def scrape(root: Path) -> dict[str, float]:
    """Every sample of the collector, by its name and labels."""
    registry = CollectorRegistry()
    registry.register(CgroupCollector(root))
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_limits_usage_and_pressure_are_read(group: Path) -> None:
    """In base units, under the contract's names."""
    assert scrape(group) == {
        "cgroup_cpu_periods_total": 40,
        "cgroup_cpu_throttled_periods_total": 3,
        "cgroup_cpu_throttled_seconds_total": 2.5,
        "cgroup_memory_usage_bytes": 104857600,
        "cgroup_memory_limit_bytes": 268435456,
        "cgroup_memory_oom_kills_total": 2,
        'cgroup_pressure_seconds_total{resource="cpu"}': 1.5,
        'cgroup_pressure_seconds_total{resource="memory"}': 0.25,
        'cgroup_pressure_seconds_total{resource="io"}': 0,
    }


def test_each_scrape_reads_anew(group: Path) -> None:
    """No value is kept."""
    assert scrape(group)["cgroup_memory_usage_bytes"] == 104857600
    (group / "memory.current").write_text("7\n", "ascii")
    assert scrape(group)["cgroup_memory_usage_bytes"] == 7


def test_without_cgroup_files_there_is_no_series(tmp_path: Path) -> None:
    """Zeros would look like an idle container."""
    assert scrape(tmp_path) == {}
    assert scrape(tmp_path / "nothing") == {}


@pytest.mark.parametrize(
    ("file", "text", "missing"),
    [
        ("memory.max", "max\n", "cgroup_memory_limit_bytes"),
        ("memory.max", "", "cgroup_memory_limit_bytes"),
        ("cpu.stat", "usage_usec 900\n", "cgroup_cpu_throttled_seconds_total"),
        ("memory.events", "low 0\n", "cgroup_memory_oom_kills_total"),
        ("io.pressure", "", 'cgroup_pressure_seconds_total{resource="io"}'),
    ],
)
def test_a_missing_value_leaves_out_only_its_series(group: Path, file: str, text: str, missing: str) -> None:
    """No limit is no series; the other series stay."""
    before = scrape(group)
    (group / file).write_text(text, "ascii")
    after = scrape(group)
    assert missing in before
    assert missing not in after
    assert "cgroup_memory_usage_bytes" in after


def test_a_kernel_without_pressure_information_is_no_error(group: Path) -> None:
    """Reading the file fails although it exists, as it does for a directory."""
    for resource in ("cpu", "memory", "io"):
        (group / f"{resource}.pressure").unlink()
        (group / f"{resource}.pressure").mkdir()
    assert not [name for name in scrape(group) if "pressure" in name]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/\n", "mount"),
        ("0::/system.slice/links.service\n", "mount/system.slice/links.service"),
        ("12:cpu:/old\n0::/new\n", "mount/new"),
        ("12:cpu:/old\n", "mount"),
        ("", "mount"),
    ],
)
def test_the_process_finds_its_own_group(tmp_path: Path, text: str, path: str) -> None:
    """The mount's root in a container, a directory below it on a host."""
    proc = tmp_path / "cgroup"
    proc.write_text(text, "ascii")
    assert own_cgroup(proc, Path("mount")) == Path(path)


def test_without_cgroups_the_mount_is_assumed(tmp_path: Path) -> None:
    """There is nothing in it, so there is no series."""
    assert own_cgroup(tmp_path / "nothing", tmp_path) == tmp_path
