"""The functions of the diagnostics, without the management port."""

import asyncio
import inspect
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from firstlight import REGISTRY, Service, Settings, create_app
from firstlight.diagnostics.fingerprints import fingerprints
from firstlight.diagnostics.log_level import LevelOverride
from firstlight.diagnostics.memory import memory
from firstlight.diagnostics.pages import Diagnostics
from firstlight.diagnostics.profile import profile
from firstlight.diagnostics.stacks import MOST_FRAMES, MOST_GROUPS, MOST_NAMES, grouped, stack_of
from firstlight.diagnostics.tasks import Tasks
from firstlight.diagnostics.threads import threads
from firstlight.lifecycle import Lifecycle
from firstlight.management.health import Health
from firstlight.management.listener import Listener
from firstlight.management.protocol import Limits
from firstlight.testing.lines import Lines

from ..process.conftest import wait_until

KEY = b"key"
TOKEN = "0123456789abcdef-token-of-the-test"  # noqa: S105 - of this test


async def _inner(event: asyncio.Event) -> None:
    secret = "hunter2"  # noqa: S105, F841 - a local variable
    await event.wait()


async def _outer(event: asyncio.Event) -> None:
    await _inner(event)


async def _dump(number: int) -> Mapping[str, Any]:
    """The dump of another thread, while so many tasks wait."""
    event = asyncio.Event()
    tasks = [asyncio.create_task(_outer(event), name=f"order {n} of anna@example.com") for n in range(number)]
    await asyncio.sleep(0)
    found = await asyncio.to_thread(Tasks())
    event.set()
    await asyncio.gather(*tasks)
    return found


def test_a_task_is_shown_with_all_coroutines_that_it_awaits() -> None:
    """The outermost first. No local variable, and no personal data in a name."""
    found = asyncio.run(_dump(1001))

    item = found["items"][0]
    assert item["count"] == 1001
    assert [frame.split(" (")[0] for frame in item["stack"]] == ["_outer", "_inner", "Event.wait"]
    assert __file__ in item["stack"][0]
    assert len(item["names"]) == MOST_NAMES
    assert "hunter2" not in str(found)
    assert "anna" not in str(found)


def test_dumps_are_limited() -> None:
    """Deep stacks lose their outer end, and the rarest groups are left out."""

    def deep(levels: int) -> tuple[str, ...]:
        return deep(levels - 1) if levels else stack_of(inspect.currentframe())

    assert len(deep(2 * MOST_FRAMES)) == MOST_FRAMES
    found = grouped((str(number), (str(number % (MOST_GROUPS + 5)),)) for number in range(1000))
    assert (len(found["items"]), found["left_out"]) == (MOST_GROUPS, 5)


def test_threads_have_their_names() -> None:
    """The calling one is left out."""
    event = threading.Event()
    thread = threading.Thread(target=event.wait, name="of anna@example.com")
    thread.start()
    items = threads()["items"]
    event.set()
    thread.join()

    assert any("Event.wait" in item["stack"][-2] + item["stack"][-1] for item in items)
    assert "anna" not in str(items)
    assert "MainThread" not in str(items)


def test_a_profile_ends_when_the_process_stops() -> None:
    """It does not hold it up, and an idle thread is not in it."""
    ended, event = threading.Event(), threading.Event()
    idle = threading.Thread(target=event.wait, name="idle")
    idle.start()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(profile, 30, ended)
        ended.set()
        found = running.result(5)
    event.set()
    idle.join()

    assert found["seconds"] < 5
    assert not any(stack[0] == "idle" for stack, _ in found["stacks"])


def test_a_profile_can_leave_out_what_a_folder_does(tmp_path: Path) -> None:
    """The console leaves itself out: it is not the work of the service. A folder with a longer name is another one."""
    ended, runs = threading.Event(), []
    for folder in ("own", "owner"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "busy.py"
        code = compile("def busy(ended):\n    while not ended.is_set():\n        sum(range(999))\n", str(file), "exec")
        names: dict[str, Any] = {}
        exec(code, names)  # noqa: S102 - a function of that file
        runs.append(threading.Thread(target=names["busy"], args=(ended,), name=folder))
        runs[-1].start()
    found = profile(1, threading.Event(), without=str(tmp_path / "own"))
    ended.set()
    for each in runs:
        each.join()

    seen = {stack[0] for stack, _ in found["stacks"]}
    assert "owner" in seen
    assert "own" not in seen


def test_memory_names_the_line_that_allocates() -> None:
    """What was freed again does not count, and tracing ends."""
    kept: list[bytes] = []

    def allocate() -> None:
        if tracemalloc.is_tracing():
            kept.extend(bytes(100_000) for _ in range(10))
            ended.set()

    ended = threading.Event()
    waiting = _Calls(ended, allocate)
    found = memory(5, waiting)["items"]

    assert __file__ in found[0]["where"]
    assert found[0]["bytes"] >= 1_000_000
    assert found[0]["count"] >= 10
    assert not tracemalloc.is_tracing()


class _Calls(threading.Event):
    """An event that calls a function before a thread waits for it."""

    def __init__(self, event: threading.Event, call: Callable[[], None]) -> None:
        super().__init__()
        self._event, self._call = event, call

    def wait(self, timeout: float | None = None) -> bool:
        self._call()
        return self._event.wait(timeout)


@pytest.fixture
def override(service: Service, lines: Lines) -> Iterator[LevelOverride]:
    """The log level of a service, which goes back after the test."""
    create_app(Settings(), service, log_sink=lines)
    override = LevelOverride("info")
    yield override
    override.stop()
    assert _in_force() == ("info", 0)


def _in_force() -> tuple[str, float]:
    (sample,) = [s for f in REGISTRY.collect() for s in f.samples if s.name == "log_level_overridden"]
    return sample.labels["level"], sample.value


def test_another_level_replaces_the_last_one(override: LevelOverride, lines: Lines) -> None:
    """The time of the first is no longer counted."""
    override("error", 0.2)
    override("debug", 60)
    override("warning", 0.05)

    assert _in_force() == ("warning", 1)
    wait_until(lambda: bool(lines.named("diagnostics.level_restored")), 5)
    assert _in_force() == ("info", 0)
    override("debug", 60)
    assert _in_force() == ("debug", 1)
    assert len(lines.named("diagnostics.level_restored")) == 1


def test_hashes_of_two_instances_can_be_compared(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that differs has another hash; with another key, all have."""
    same, other, again = ("a" * 40, "b" * 40, "a" * 40)
    found = []
    for value in (same, other, again):
        monkeypatch.setenv("SIGNING_KEY", value)
        found.append({item["variable"]: item["hash"] for item in fingerprints(service, KEY)["items"]})

    assert found[0] == found[2]
    assert {name for name in found[0] if found[0][name] != found[1][name]} == {"SIGNING_KEY"}
    assert found[0] != {item["variable"]: item["hash"] for item in fingerprints(service, b"other")["items"]}


async def _diagnostics(service: Service) -> Diagnostics:
    return Diagnostics(service, SecretStr(TOKEN), LevelOverride("info"))


def test_a_call_may_take_longer_than_the_deadline_of_the_port(service: Service) -> None:
    """Its answer begins before, and probes are answered meanwhile."""
    diagnostics = asyncio.run(_diagnostics(service))
    health = Health(Lifecycle())
    listener = Listener(health, "127.0.0.1", 0, {}, Limits(request_seconds=1.3), more=diagnostics.table)
    diagnostics.start()
    listener.start()
    url = f"http://127.0.0.1:{listener.port}"
    with ThreadPoolExecutor(1) as pool:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        running = pool.submit(httpx2.post, f"{url}/diagnostics/profile?seconds=3", headers=headers, timeout=10)
        assert httpx2.get(f"{url}/health/live").status_code == 200
        response = running.result()
    listener.stop()
    diagnostics.stop()

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["seconds"] >= 3
