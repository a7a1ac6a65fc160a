"""Fixtures: the application in this process, and the service as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from <%= cookiecutter.package_name %>.app import create_app
from <%= cookiecutter.package_name %>.management.probes import Probes
from <%= cookiecutter.package_name %>.observability import sink
from <%= cookiecutter.package_name %>.observability.middleware import ObservabilityMiddleware
from <%= cookiecutter.package_name %>.settings import Settings

PATIENCE_SECONDS = 20.0  # for anything a test waits for: long, because only a failure takes it
FAULTS = Path(__file__).with_name("faults.py")

Line = dict[str, Any]


class Lines(list[bytes]):
    """What would have gone to standard output."""

    write = list.append

    def flush(self, _: float) -> bool:
        """Nothing is queued here."""
        return True

    @property
    def events(self) -> list[Line]:
        """The lines, parsed."""
        return [json.loads(line) for line in self]

    def named(self, event: str) -> list[Line]:
        """The lines of one event."""
        return [line for line in self.events if line["event"] == event]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on what the machine's environment happens to hold."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def settings() -> Settings:
    """Settings for an application in this process: any free port, no waiting."""
    return Settings(port=0, management_port=0, drain_seconds=0, log_format="json")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Every log line, instead of standard output."""
    captured = Lines()
    monkeypatch.setattr(sink, "stdout", captured)
    return captured


@pytest.fixture
def app(settings: Settings, lines: Lines) -> ASGIApp:
    """The whole application, as the server gets it."""
    del lines
    return create_app(settings)


@pytest.fixture
def client(app: ASGIApp) -> Iterator[TestClient]:
    """A client of the running application; a failure arrives as the response a real client would get."""
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.fixture
def plane(app: ASGIApp) -> ObservabilityMiddleware:
    """The data plane of the application."""
    assert isinstance(app, Probes)
    assert isinstance(app.app, ObservabilityMiddleware)
    return app.app


@pytest.fixture
def spans(client: TestClient, plane: ObservabilityMiddleware) -> InMemorySpanExporter:
    """Finished spans of the application's requests, all sampled."""
    del client  # it must have started: the data plane gets its tracer then
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    plane.tracer = provider.get_tracer("test")
    return exporter


class Service:
    """A real process. Its log lines are read as they come, so that a test can wait for one."""

    def __init__(self, environment: dict[str, str], *, faults: bool = True) -> None:
        """Start it on free ports. `faults` adds the routes of `faults.py`."""
        program = [str(FAULTS)] if faults else ["-m", "<%= cookiecutter.package_name %>"]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        defaults = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, *program],
            env={**inherited, **defaults, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[Line] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def started(self) -> Self:
        """Wait until it serves."""
        line = self.wait_for("service.started")
        self.url = f"http://127.0.0.1:{line['port']}"
        self.management_url = f"http://127.0.0.1:{line['management_port']}"
        return self

    def wait_for(self, event: str, **fields: object) -> Line:
        """The first line of this event with these fields, waiting for it if need be."""

        def found() -> Line | None:
            matches = (line for line in self.lines if line["event"] == event and fields.items() <= line.items())
            return next(matches, None)

        with self._news:
            line = self._news.wait_for(found, PATIENCE_SECONDS)
        assert line is not None, f"no {event} {fields} in {self.lines} {self.error if self.ended else ''}"
        return line

    def get(self, path: str, **arguments: Any) -> httpx2.Response:
        """Send one request to the service port."""
        return httpx2.get(self.url + path, timeout=PATIENCE_SECONDS, **arguments)

    def manage(self, path: str, **arguments: Any) -> httpx2.Response:
        """Send one request to the management port."""
        return httpx2.get(self.management_url + path, timeout=PATIENCE_SECONDS, **arguments)

    def terminate(self) -> int:
        """Send SIGTERM and wait for the end. Returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and for the last line. Returns the exit status."""
        status = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return status

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    @property
    def error(self) -> str:
        """What an ended process said on standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def close(self) -> None:
        """Leave nothing behind."""
        if not self.ended:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            with self._news:
                self.lines.append(json.loads(raw))
                self._news.notify_all()


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    """Start services; whatever a test starts ends with it."""
    services: list[Service] = []

    def start(*, faults: bool = True, **environment: str) -> Service:
        services.append(Service(environment, faults=faults))
        return services[-1]

    yield start
    for service in services:
        service.close()
