"""The lifespan opens in order, closes in reverse, and flushes last."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest
from pydantic_settings import BaseSettings
from starlette.testclient import TestClient

from firstlight import app as root
from firstlight.app import create_app
from firstlight.component import Component
from firstlight.management.health import Check
from firstlight.metrics.instruments import REGISTRY
from firstlight.settings import Settings

if TYPE_CHECKING:
    from .conftest import Lines


class Part:
    """A component that keeps a diary."""

    def __init__(self, name: str, diary: list[str], probe_result: Exception | None = None) -> None:
        """Its one check is critical."""
        self.name = name
        self.diary = diary
        self.probe_result = probe_result

    @property
    def component(self) -> Component:
        """What the composition root sees."""
        return Component(name=self.name, settings=BaseSettings, open=self.open, checks=self.checks)

    @asynccontextmanager
    async def open(self, _: BaseSettings) -> AsyncIterator[str]:
        """Note opening and closing."""
        self.diary.append(f"open {self.name}")
        try:
            yield self.name
        finally:
            self.diary.append(f"close {self.name}")

    def checks(self, resource: str) -> Sequence[Check]:
        """One check on the resource."""
        return [Check(resource, self.probe, critical=True)]

    async def probe(self) -> None:
        """As well as it was told to be."""
        self.diary.append(f"check {self.name}")
        if self.probe_result is not None:
            raise self.probe_result


def _use(monkeypatch: pytest.MonkeyPatch, *parts: Part) -> None:
    monkeypatch.setattr(root, "COMPONENTS", tuple(part.component for part in parts))


def _management_url(lines: "Lines") -> str:
    return f"http://127.0.0.1:{lines.named('service.started')[0]['management_port']}"


def test_opens_in_order_and_closes_in_reverse(
    settings: Settings, lines: "Lines", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A component may rely on those before it for as long as it lives."""
    del lines
    diary: list[str] = []
    _use(monkeypatch, Part("first", diary), Part("second", diary))

    with TestClient(create_app(settings)) as client:
        client.get("/")
        diary.append("served")

    opened = [entry for entry in diary if not entry.startswith("check")]
    assert opened == ["open first", "open second", "served", "close second", "close first"]


def test_runs_every_check_and_stops_them_all(
    settings: Settings, lines: "Lines", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readiness is the checks' word."""
    diary: list[str] = []
    _use(monkeypatch, Part("well", diary), Part("ill", diary, ConnectionError("away")))

    with TestClient(create_app(settings)):
        answer = httpx2.get(f"{_management_url(lines)}/health")

    assert answer.status_code == 503
    assert {name: check["status"] for name, (check,) in answer.json()["checks"].items()} == {
        "well": "pass",
        "ill": "fail",
    }


def test_is_not_ready_before_its_critical_checks_have_run(
    settings: Settings, lines: "Lines", monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the very moment it has started, an instance without its critical dependency asks for no traffic."""
    ready: list[float | None] = []
    _use(monkeypatch, Part("ill", [], ConnectionError("away")))

    def look(line: bytes) -> None:
        ready.append(REGISTRY.get_sample_value("service_ready"))
        lines.append(line)

    monkeypatch.setattr(lines, "write", look)
    with TestClient(create_app(settings)):
        pass

    assert lines.named("service.started")
    assert set(ready) == {0}


def test_a_component_that_does_not_open_leaves_nothing_open(
    settings: Settings, lines: "Lines", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was opened before it is closed again, the management port included."""
    diary: list[str] = []
    ports: list[str] = []

    @asynccontextmanager
    async def fail(_: BaseSettings) -> AsyncIterator[None]:
        ports.append(_listening_port())
        if ports:
            msg = "no scales"
            raise ConnectionError(msg)
        yield

    first = Part("first", diary)
    second = Component(name="second", settings=BaseSettings, open=fail, checks=lambda _: ())
    monkeypatch.setattr(root, "COMPONENTS", (first.component, second))

    with pytest.raises(ConnectionError), TestClient(create_app(settings)):
        pass

    assert diary == ["open first", "close first"]
    assert not lines.named("service.started")
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{ports[0]}/health/live")


def _listening_port() -> str:
    """The port of the one thread that answers for the management plane."""
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "management"]
    serve_forever = thread._target  # type: ignore[attr-defined] # noqa: SLF001 - nothing public says it this early
    return str(serve_forever.__self__.server_port)


def test_the_management_port_answers_while_a_component_opens(
    settings: Settings, lines: "Lines", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow start is visible as one: alive, not started, not ready."""
    del lines
    answers: dict[str, int] = {}

    @asynccontextmanager
    async def slow(_: BaseSettings) -> AsyncIterator[None]:
        url = f"http://127.0.0.1:{_listening_port()}"
        async with httpx2.AsyncClient(base_url=url) as client:
            for path in ("/health/live", "/health/startup", "/health/ready", "/metrics"):
                answers[path] = (await client.get(path)).status_code
        yield

    monkeypatch.setattr(
        root, "COMPONENTS", (Component(name="slow", settings=BaseSettings, open=slow, checks=lambda _: ()),)
    )
    with TestClient(create_app(settings)):
        pass

    assert answers == {"/health/live": 200, "/health/startup": 503, "/health/ready": 503, "/metrics": 200}


def test_says_when_it_starts_and_when_it_stops(
    settings: Settings, lines: "Lines", monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event each, and nothing after the last flush."""
    flushed: list[int] = []

    def flush(_: float) -> bool:
        flushed.append(len(lines))
        return True

    monkeypatch.setattr(lines, "flush", flush)
    with TestClient(create_app(settings)):
        (started,) = lines.named("service.started")
        assert started["port"] == settings.port
        assert started["management_port"] > 0

    assert lines.events[-1]["event"] == "service.stopped"
    assert flushed == [len(lines)]


def test_waits_for_cut_requests_to_be_recorded(settings: Settings, lines: "Lines") -> None:
    """The server cancels what runs at the graceful timeout; its last line still precedes `service.stopped`."""
    app = create_app(settings)

    async def run() -> None:
        plane = app.app  # type: ignore[attr-defined]
        async with plane.app.router.lifespan_context(plane.app):
            plane.active += 1
            asyncio.get_running_loop().call_later(0.02, finish, plane)

    def finish(plane: object) -> None:
        plane.active -= 1  # type: ignore[attr-defined]
        lines.append(b'{"event": "http.request_finished"}')

    asyncio.run(run())

    events = [line["event"] for line in lines.events]
    assert events.index("http.request_finished") < events.index("service.stopped")
