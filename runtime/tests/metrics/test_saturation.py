"""How full the process is, read from where it can be read, and silence where it cannot."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from anyio import to_thread
from prometheus_client import CollectorRegistry, generate_latest

from firstlight.metrics import event_loop as saturation
from firstlight.metrics.instruments import REGISTRY
from firstlight.metrics.event_loop import (
    BEAT_SECONDS,
    CgroupCollector,
    GarbageCollectionTimer,
    Heartbeat,
    own_cgroup,
    watch_garbage_collector,
    watch_thread_pool,
)

TIMEOUT_SECONDS = 10.0

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
    """A cgroup's directory with everything in it."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "ascii")
    return tmp_path


def scrape(root: Path) -> dict[str, float]:
    """Every sample of the collector, by its name and labels."""
    registry = CollectorRegistry()
    registry.register(CgroupCollector(root))
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def count(name: str) -> float:
    """Observations of a histogram."""
    value = REGISTRY.get_sample_value(f"{name}_count")
    assert value is not None
    return value


def test_a_container_s_limits_and_shortages_are_read(group: Path) -> None:
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
    """Nothing is remembered."""
    assert scrape(group)["cgroup_memory_usage_bytes"] == 104857600
    (group / "memory.current").write_text("7\n", "ascii")
    assert scrape(group)["cgroup_memory_usage_bytes"] == 7


def test_elsewhere_there_is_silence(tmp_path: Path) -> None:
    """Not zeros, which would look like plenty of room."""
    assert scrape(tmp_path) == {}
    assert scrape(tmp_path / "nothing") == {}


@pytest.mark.parametrize(
    ("file", "text", "gone"),
    [
        ("memory.max", "max\n", "cgroup_memory_limit_bytes"),
        ("memory.max", "", "cgroup_memory_limit_bytes"),
        ("cpu.stat", "usage_usec 900\n", "cgroup_cpu_throttled_seconds_total"),
        ("memory.events", "low 0\n", "cgroup_memory_oom_kills_total"),
        ("io.pressure", "", 'cgroup_pressure_seconds_total{resource="io"}'),
    ],
)
def test_what_is_not_there_is_left_out_alone(group: Path, file: str, text: str, gone: str) -> None:
    """No limit is no series; the rest stays."""
    before = scrape(group)
    (group / file).write_text(text, "ascii")
    after = scrape(group)
    assert gone in before
    assert gone not in after
    assert "cgroup_memory_usage_bytes" in after


def test_a_kernel_without_pressure_information_is_no_error(group: Path) -> None:
    """Reading the file fails there, although it exists: here it is a directory."""
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
    """At the mount's root in a container, below it on a host."""
    proc = tmp_path / "cgroup"
    proc.write_text(text, "ascii")
    assert own_cgroup(proc, Path("mount")) == Path(path)


def test_without_cgroups_the_mount_is_assumed(tmp_path: Path) -> None:
    """And is silent, since there is nothing in it."""
    assert own_cgroup(tmp_path / "nothing", tmp_path) == tmp_path


def test_the_heartbeat_s_age_tells_a_stuck_loop() -> None:
    """Another thread sees the age grow while the loop is blocked, and fall when it goes on."""
    heartbeat = Heartbeat()
    blocked, seen, going_on = threading.Event(), threading.Event(), threading.Event()
    ages: list[float] = []

    def watch() -> None:
        assert blocked.wait(TIMEOUT_SECONDS)
        pause = threading.Event()
        while heartbeat.age < 3 * BEAT_SECONDS:
            pause.wait(0.01)
        ages.append(heartbeat.age)
        seen.set()
        assert going_on.wait(TIMEOUT_SECONDS)
        while heartbeat.age > BEAT_SECONDS / 2:
            pause.wait(0.001)
        ages.append(heartbeat.age)

    async def serve() -> None:
        heartbeat.start()
        blocked.set()
        assert seen.wait(TIMEOUT_SECONDS)  # what a synchronous call in a coroutine does
        going_on.set()
        await asyncio.to_thread(watcher.join, TIMEOUT_SECONDS)
        heartbeat.stop()

    watcher = threading.Thread(target=watch)
    before = count("event_loop_lag_seconds")
    watcher.start()
    asyncio.run(serve())
    watcher.join()
    assert len(ages) == 2
    assert ages[0] >= 3 * BEAT_SECONDS
    assert count("event_loop_lag_seconds") > before
    late = REGISTRY.get_sample_value("event_loop_lag_seconds_sum")
    assert late is not None
    assert late >= BEAT_SECONDS


def hang(until: threading.Event) -> None:
    """What a synchronous call in a coroutine does."""
    until.wait(TIMEOUT_SECONDS)


def test_the_stack_of_a_stuck_loop_names_the_culprit() -> None:
    """Another thread can see what the loop's thread is doing."""
    heartbeat = Heartbeat()
    assert heartbeat.stack() == ""
    hanging, seen = threading.Event(), threading.Event()
    stacks: list[str] = []

    def watch() -> None:
        assert hanging.wait(TIMEOUT_SECONDS)
        pause = threading.Event()
        while not (stacks and "in hang" in stacks[-1]) and len(stacks) < 1000:  # until it is there
            stacks.append(heartbeat.stack())
            pause.wait(0.001)
        seen.set()

    async def serve() -> None:
        heartbeat.start()
        hanging.set()
        hang(until=seen)
        heartbeat.stop()

    watcher = threading.Thread(target=watch)
    watcher.start()
    asyncio.run(serve())
    watcher.join()
    assert "in hang" in stacks[-1]
    assert "in watch" not in stacks[-1]


def test_a_stopped_heartbeat_beats_no_more() -> None:
    """Neither does one that never began."""
    heartbeat = Heartbeat()
    heartbeat.stop()

    async def serve() -> float:
        heartbeat.start()
        heartbeat.stop()
        before = count("event_loop_lag_seconds")
        await asyncio.sleep(1.5 * BEAT_SECONDS)
        return count("event_loop_lag_seconds") - before

    assert asyncio.run(serve()) == 0
    assert heartbeat.age > BEAT_SECONDS


@pytest.fixture
def collections() -> Iterator[None]:
    """The interpreter's callbacks as they were."""
    before = list(gc.callbacks)
    gc.callbacks[:] = [callback for callback in before if not isinstance(callback, GarbageCollectionTimer)]
    yield
    gc.callbacks[:] = before


@pytest.mark.usefixtures("collections")
def test_each_pause_is_observed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the application is made in one process."""
    times = iter([10.0, 10.5])
    watch_garbage_collector()
    watch_garbage_collector()
    gc.disable()  # or one of the interpreter's own comes in between
    try:
        with monkeypatch.context() as patched:
            clock = SimpleNamespace(perf_counter=lambda: next(times), monotonic=time.monotonic)
            patched.setattr(saturation, "time", clock)
            before = count("python_gc_pause_seconds"), REGISTRY.get_sample_value("python_gc_pause_seconds_sum")
            gc.collect()
        after = count("python_gc_pause_seconds"), REGISTRY.get_sample_value("python_gc_pause_seconds_sum")
    finally:
        gc.enable()
    assert before[1] is not None
    assert after[1] is not None
    assert (after[0] - before[0], round(after[1] - before[1], 6)) == (1, 0.5)


def test_the_thread_pool_shows_who_works_and_who_waits() -> None:
    """With one thread and two calls one of them waits."""

    def sample() -> list[float | None]:
        names = ("active_threads", "max_threads", "queued_tasks")
        return [REGISTRY.get_sample_value(f"thread_pool_{name}") for name in names]

    async def serve() -> list[list[float | None]]:
        limiter = to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        watch_thread_pool()
        seen = [sample()]
        running, release = threading.Event(), threading.Event()

        def work() -> None:
            running.set()
            release.wait(TIMEOUT_SECONDS)

        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(to_thread.run_sync(work))
            while not (running.is_set() and limiter.statistics().tasks_waiting):  # noqa: ASYNC110 - others tell
                await asyncio.sleep(0)
            seen.append(sample())
            release.set()
        return [*seen, sample()]

    assert asyncio.run(serve()) == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
