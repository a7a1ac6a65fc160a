"""The lifespan opens in order, closes in reverse, and flushes last."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from firstlight import Background, Check, Component, NoSettings, Service, Settings, Surroundings, create_app
from firstlight.metrics.instruments import REGISTRY
from firstlight.server import ends
from firstlight.testing.lines import Lines

from ..conftest import TIMEOUT_SECONDS


class Journal:
    """What components, checks and tasks did, in order."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.entries: list[str] = []

    def component(self, name: str, probe_result: Exception | None = None, **declared: Any) -> Component[Any, str]:
        """A component with one critical check, which notes when it opens and closes."""

        @asynccontextmanager
        async def open_(_: Surroundings[NoSettings]) -> AsyncIterator[str]:
            self.entries.append(f"open {name}")
            try:
                yield name
            finally:
                self.entries.append(f"close {name}")

        async def probe() -> None:
            if probe_result is not None:
                raise probe_result

        def checks(resource: str) -> Sequence[Check]:
            return [Check(resource, probe, critical=True)]

        return Component(name=name, settings=NoSettings, open=open_, **{"checks": checks, **declared})

    def waiting(self, name: str) -> Callable[..., Awaitable[None]]:
        """A coroutine function that waits until it is cancelled, and takes some steps to clean up."""

        async def wait(*_: object) -> None:
            self.entries.append(f"begin {name}")
            try:
                await asyncio.Event().wait()
            finally:
                for _step in range(10):
                    await asyncio.sleep(0)
                self.entries.append(f"end {name}")

        return wait


@pytest.fixture
def journal() -> Journal:
    """An empty journal."""
    return Journal()


async def _until(holds: Callable[[], bool]) -> None:
    """Let the tasks run until it holds."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not holds():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


def _management_url(lines: Lines) -> str:
    return f"http://127.0.0.1:{lines.named('service.started')[0]['management_port']}"


def test_opens_in_order_and_closes_in_reverse(
    settings: Settings, service: Service, lines: Lines, journal: Journal
) -> None:
    """A component may use those before it for as long as it is open."""
    service = replace(service, components=[journal.component("first"), journal.component("second")])

    with TestClient(create_app(settings, service, log_sink=lines)) as client:
        client.get("/")
        journal.entries.append("served")

    assert journal.entries == ["open first", "open second", "served", "close second", "close first"]


def test_runs_every_check(settings: Settings, service: Service, lines: Lines, journal: Journal) -> None:
    """Those of the components, of the team, and of background tasks; readiness follows the critical ones."""

    async def fail() -> None:
        raise TimeoutError

    ill = journal.component("ill", ConnectionError("away"))
    service = replace(
        service,
        components=[journal.component("well"), ill],
        checks=[Check("own", fail)],
        background=[Background("task", journal.waiting("task"))],
    )

    with TestClient(create_app(settings, service, log_sink=lines)):
        answer = httpx2.get(f"{_management_url(lines)}/health")

    assert answer.status_code == 503
    assert {name: check["status"] for name, (check,) in answer.json()["checks"].items()} == {
        "well": "pass",
        "ill": "fail",
        "own": "fail",
        "background.task": "pass",
    }


def test_the_details_tell_whose_service_it_is(settings: Settings, service: Service, lines: Lines) -> None:
    """Name, version, release, title, description and owner, beside the state."""
    settings = settings.model_copy(update={"revision": "0a1b2c3"})
    with TestClient(create_app(settings, service, log_sink=lines)):
        document = httpx2.get(f"{_management_url(lines)}/health").json()

    identity = service.identity
    assert document["status"] == "pass"
    assert (document["serviceId"], document["version"]) == (identity.name, identity.version)
    assert document["releaseId"] == "0a1b2c3"
    assert (document["title"], document["owner"]) == (identity.title, identity.owner)
    assert document["description"] == identity.description


class Readiness(Lines):
    """Notes the readiness at the moment of each line."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.ready: list[float | None] = []

    def write(self, line: bytes) -> None:
        """Keep one line and the readiness."""
        super().write(line)
        self.ready.append(REGISTRY.get_sample_value("service_ready"))


def test_is_not_ready_before_its_critical_checks_have_run(
    settings: Settings, service: Service, journal: Journal
) -> None:
    """From the moment it has started, an instance without its critical dependency gets no traffic."""
    lines = Readiness()
    service = replace(service, components=[journal.component("ill", ConnectionError("away"))])

    with TestClient(create_app(settings, service, log_sink=lines)):
        pass

    assert lines.named("service.started")
    assert set(lines.ready) == {0}


def test_a_component_that_does_not_open_leaves_nothing_open(
    settings: Settings, service: Service, lines: Lines, journal: Journal
) -> None:
    """What was opened before it is closed again, the management port included."""
    ports: list[int] = []

    @asynccontextmanager
    async def fail(surroundings: Surroundings[NoSettings]) -> AsyncIterator[None]:
        ports.append(surroundings.lifecycle.management_port)
        if ports:
            msg = "no scales"
            raise ConnectionError(msg)
        yield

    second = Component(name="second", settings=NoSettings, open=fail)
    service = replace(service, components=[journal.component("first"), second])

    with pytest.raises(ConnectionError), TestClient(create_app(settings, service, log_sink=lines)):
        pass

    assert journal.entries == ["open first", "close first"]
    assert not lines.named("service.started")
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{ports[0]}/health/live")


def test_the_management_port_answers_while_a_component_opens(
    settings: Settings, service: Service, lines: Lines
) -> None:
    """A slow start can be told from a failure: alive, not started, not ready."""
    answers: dict[str, int] = {}

    @asynccontextmanager
    async def slow(surroundings: Surroundings[NoSettings]) -> AsyncIterator[None]:
        url = f"http://127.0.0.1:{surroundings.lifecycle.management_port}"
        async with httpx2.AsyncClient(base_url=url) as client:
            for path in ("/health/live", "/health/startup", "/health/ready", "/metrics"):
                answers[path] = (await client.get(path)).status_code
        yield

    service = replace(service, components=[Component(name="slow", settings=NoSettings, open=slow)])
    with TestClient(create_app(settings, service, log_sink=lines)):
        pass

    assert answers == {"/health/live": 200, "/health/startup": 503, "/health/ready": 503, "/metrics": 200}


class Flushes(Lines):
    """Notes how many lines there are at each flush."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.flushed: list[int] = []

    def flush(self, timeout: float) -> bool:
        """Count the lines."""
        self.flushed.append(len(self.raw))
        return super().flush(timeout)


def test_logs_its_start_and_its_stop(settings: Settings, service: Service) -> None:
    """One event each, and nothing after the last flush."""
    lines = Flushes()

    with TestClient(create_app(settings, service, log_sink=lines)):
        (started,) = lines.named("service.started")
        assert started["port"] == settings.port
        assert started["management_port"] > 0

    assert lines.events[-1]["event"] == "service.stopped"
    assert lines.flushed == [len(lines.raw)]


def test_a_server_announces_the_start_itself(settings: Settings, service: Service, lines: Lines) -> None:
    """The application is not ready before the server's port is open."""
    app = create_app(settings, service, log_sink=lines, served=True)

    with TestClient(app) as client:
        assert client.get("/health/ready").status_code == 503
        assert not lines.named("service.started")
        app.lifespan.announce()
        assert client.get("/health/ready").status_code == 200
        assert lines.named("service.started")


def test_waits_for_cut_requests_to_be_recorded(settings: Settings, service: Service, lines: Lines) -> None:
    """The server cancels what runs at the graceful timeout; its last line still precedes `service.stopped`."""
    app = create_app(settings, service, log_sink=lines)
    lifecycle = app.lifespan.lifecycle
    request: Any = object()

    async def run() -> None:
        async with app.lifespan():
            lifecycle.requests.add(request)
            asyncio.get_running_loop().call_later(0.02, finish)

    def finish() -> None:
        lines.write(b'{"event": "http.request_finished"}')
        lifecycle.requests.discard(request)

    asyncio.run(run())

    events = [line["event"] for line in lines.events]
    assert events.index("http.request_finished") < events.index("service.stopped")


def test_checks_and_tasks_have_ended_before_a_component_closes(
    settings: Settings, service: Service, lines: Lines, journal: Journal
) -> None:
    """They are cancelled and awaited, so that none of them uses what is closed."""

    def checks(_: str) -> Sequence[Check]:
        return [Check("hanging", journal.waiting("check"), timeout_seconds=60)]

    component = journal.component("part", checks=checks, background=[Background("part", journal.waiting("task"))])
    own = Background("own", journal.waiting("own task"))
    service = replace(service, components=[component], background=[own])

    async def run() -> None:
        async with create_app(settings, service, log_sink=lines).lifespan():
            await _until(lambda: len(journal.entries) == 4)

    asyncio.run(run())

    started = ["begin check", "begin own task", "begin task"]
    assert journal.entries[0] == "open part"
    assert sorted(journal.entries[1:4]) == started
    assert sorted(journal.entries[4:7]) == ["end check", "end own task", "end task"]
    assert journal.entries[7:] == ["close part"]


def test_a_task_that_does_not_end_keeps_no_process(
    settings: Settings, service: Service, lines: Lines, journal: Journal
) -> None:
    """After a limit it is logged and left: what is open is closed, and the last telemetry leaves."""
    released = asyncio.Event()

    async def stay(_: object) -> None:
        journal.entries.append("begin")
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                journal.entries.append("refuse")

    service = replace(service, components=[journal.component("part", background=[Background("stubborn", stay)])])

    lifespan = create_app(settings, service, log_sink=lines).lifespan

    async def run() -> None:
        async with lifespan():
            await _until(lambda: "begin" in journal.entries)
        released.set()

    asyncio.run(run())

    assert journal.entries == ["open part", "begin", "refuse", "close part"]
    assert lifespan.stop.status == 1
    assert lines.events[-1]["cut"] == ["background stubborn"]
    assert [line["task"] for line in lines.named("background.cut")] == ["stubborn"]
    assert lines.events[-1]["event"] == "service.stopped"


def test_a_component_that_does_not_close_is_cut(
    settings: Settings, service: Service, lines: Lines, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of with the reason, and the others are closed."""
    monkeypatch.setattr(ends, "CLOSE_SECONDS", 0.05)

    @asynccontextmanager
    async def hang(_: Surroundings[NoSettings]) -> AsyncIterator[None]:
        yield
        await asyncio.Event().wait()

    hanging = Component(name="hanging", settings=NoSettings, open=hang)
    service = replace(service, components=[journal.component("first"), hanging, journal.component("last")])
    lifespan = create_app(settings, service, log_sink=lines).lifespan

    async def run() -> None:
        async with lifespan():
            pass

    asyncio.run(run())

    assert journal.entries[-2:] == ["close last", "close first"]
    (line,) = lines.named("component.close_failed")
    assert (line["component"], line["reason"]) == ("hanging", "cut after 0.05 s")
    assert "TimeoutError" in line["exception"]
    assert lines.events[-1]["cut"] == ["component hanging"]
    assert lifespan.stop.status == 1


def test_what_goes_on_has_the_drain_and_the_graceful_timeout(
    settings: Settings, service: Service, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that is stopped has neither, nor has a loop that liveness has given up: its work goes nowhere."""
    settings = settings.model_copy(update={"drain_seconds": 3.0, "graceful_seconds": 20})
    web = create_app(settings, service, log_sink=lines).lifespan
    worker = create_app(settings, service, process="worker", log_sink=lines).lifespan
    seen = [web.grace()]
    web.lifecycle.started = worker.lifecycle.started = True
    seen += [web.grace(), worker.grace()]
    monkeypatch.setattr(web.health, "live", lambda: False)

    assert [*seen, web.grace()] == [0, 23, 20, 0]


def test_a_component_that_does_not_open_in_time_stops_the_start(
    settings: Settings, service: Service, lines: Lines, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What hangs is named; what was open is closed."""
    monkeypatch.setattr(ends, "OPEN_SECONDS", 0.05)

    @asynccontextmanager
    async def hang(_: Surroundings[NoSettings]) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    hanging = Component(name="hanging", settings=NoSettings, open=hang)
    service = replace(service, components=[journal.component("first"), hanging])

    async def run() -> None:
        async with create_app(settings, service, log_sink=lines).lifespan():
            pass

    with pytest.raises(TimeoutError):
        asyncio.run(run())

    assert journal.entries == ["open first", "close first"]
    assert [line["component"] for line in lines.named("component.open_failed")] == ["hanging"]


def test_a_task_gets_the_settings_and_the_resources(
    settings: Settings, service: Service, lines: Lines, journal: Journal
) -> None:
    """A component's task has the component's settings, the team's task those of the service."""
    seen: dict[str, Surroundings[Any]] = {}

    def seeing(name: str) -> Background:
        async def see(surroundings: Surroundings[Any]) -> None:
            seen[name] = surroundings

        return Background(name, see)

    part = journal.component("part", background=[seeing("of_part")])
    service = replace(service, components=[part], background=[seeing("own")])

    async def run() -> None:
        async with create_app(settings, service, log_sink=lines).lifespan():
            await _until(lambda: len(seen) == 2)

    asyncio.run(run())

    assert isinstance(seen["of_part"].settings, NoSettings)
    assert seen["own"].settings is settings
    assert {each.service for each in seen.values()} == {settings}
    assert [part.of(each) for each in seen.values()] == ["part", "part"]


@pytest.mark.parametrize(("process", "expected"), [("web", ["everywhere", "web"]), ("worker", ["everywhere"])])
def test_a_task_runs_in_the_processes_that_it_names(
    settings: Settings, service: Service, lines: Lines, process: str, expected: list[str]
) -> None:
    """In the web process, unless it says something else: a second kind of process does not repeat its work."""
    ran: list[str] = []

    def noting(name: str, *processes: str) -> Background:
        async def note(_: Surroundings[Any]) -> None:
            ran.append(name)

        return Background(name, note, processes=processes) if processes else Background(name, note)

    service = replace(service, background=[noting("web"), noting("everywhere", "web", "worker")])

    async def run() -> None:
        async with create_app(settings, service, process=process, log_sink=lines).lifespan():
            await _until(lambda: "everywhere" in ran)

    asyncio.run(run())

    assert sorted(ran) == expected
