"""Every choice of components starts on its defaults, and all of them on real servers: links are kept and followed."""

import http.client
import itertools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Generate
from emitted import Service
from template import EVERYTHING, TIMEOUT_SECONDS, Machine

from generator.components import COMPONENTS

pytestmark = pytest.mark.slow

# No component starts in the test of its own gates. `LONG=1` starts it here as well.
LEAST = 0 if os.environ.get("LONG") else 1
SUBSETS = [
    ",".join(each) or "none"
    for size in range(LEAST, len(COMPONENTS) + 1)
    for each in itertools.combinations(COMPONENTS, size)
]
SETTINGS = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}
SERVERS = """
import json, sys
from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.redis import RedisProcess

secret = "open:sesame"
with PostgresqlServer(password=secret) as postgresql, RedisProcess(password=secret, appendonly="yes") as redis:
    urls = {"DATABASE_URL": postgresql.create_database("links"), "REDIS_URL": redis.url()}
    print(json.dumps(urls), flush=True)
    for line in sys.stdin:
        print(redis.command(*line.split()) or "-", flush=True)
"""


@pytest.fixture(scope="module")
def python(shared: Machine, template: Path) -> Path:
    """The interpreter of a service that has everything. The others have a part of its packages."""
    service = shared.cookiecutter(template, EVERYTHING).service
    done = shared.run(["uv", "sync", "--quiet"], service)
    assert done.status == 0, done.stderr
    return service / ".venv/bin/python"


@pytest.fixture
def started(machine: Machine, python: Path, generate: Generate, tmp_path: Path) -> "Start":
    """A function that starts a service in a folder of its own."""
    return Start(machine, python, generate, tmp_path / "work")


class Start:
    """Starts services with the packages of one environment."""

    def __init__(self, machine: Machine, python: Path, generate: Generate, folder: Path) -> None:
        """Work in `folder`, where a service keeps its file in development."""
        self.python, self._generate, self._folder = python, generate, folder
        self._environment = {**machine.environment(), **SETTINGS}

    @contextmanager
    def __call__(self, components: str, **settings: str) -> Iterator[Service]:
        """The running service. Its schema is made as before a release."""
        directory = self._generate(**{**EVERYTHING, "components": components})
        self._folder.mkdir(exist_ok=True)
        environment = {**self._environment, **settings, "PYTHONPATH": str(directory / "src")}
        command = [str(self.python), "-m", "acme_links"]
        if (directory / "src/acme_links/migrations").is_dir():
            subprocess.run([*command, "migrate"], cwd=self._folder, env=environment, check=True, capture_output=True)
        service = Service(subprocess.Popen(command, cwd=self._folder, env=environment, stdout=subprocess.PIPE))
        try:
            yield service
        finally:
            service.stop()


def ask(service: Service, method: str, path: str, body: Mapping[str, str] | None = None) -> tuple[int, str, bytes]:
    """Send a request: status, `Location` and body of the answer."""
    port = int(service.wait_for("service.started")["port"])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    text = None if body is None else json.dumps(body)
    connection.request(
        method, path, text, {"Content-Type": "application/json", "Idempotency-Key": "one", "If-Match": "*"}
    )
    answer = connection.getresponse()
    found = answer.status, answer.headers.get("Location", ""), answer.read()
    connection.close()
    return found


def follow(service: Service) -> str:
    """Where the link `docs` leads to; its status where it leads nowhere."""
    status, location, _ = ask(service, "GET", "/r/docs")
    return location or str(status)


NEW = {"url": "https://example.com/", "slug": "docs"}


@pytest.mark.parametrize("components", SUBSETS)
def test_starts_on_its_defaults(started: Start, components: str) -> None:
    """A link is created, followed, changed and deleted, and the service ends in order."""
    with started(components) as service:
        assert ask(service, "POST", "/api/v1/links", NEW)[0] == 201
        assert follow(service) == NEW["url"]
        assert ask(service, "PUT", "/api/v1/links/docs", {"url": "https://example.com/new"})[0] == 200
        assert follow(service) == "https://example.com/new"
        assert ask(service, "DELETE", "/api/v1/links/docs")[0] == 204
        assert follow(service) == "404"
        service.drain()
        assert service.wait() == 0


def test_everything_runs_on_real_servers(started: Start) -> None:
    """Two instances share links, cache, keys, and the count of visits, which the end of an instance does not lose."""
    server = subprocess.Popen(
        [str(started.python), "-c", SERVERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        urls = json.loads(server.stdout.readline())
        with started("all", **urls) as one, started("all", **urls) as other:
            assert ask(one, "POST", "/api/v1/links", NEW)[0] == 201
            assert ask(other, "POST", "/api/v1/links", NEW)[0] == 201  # replayed: the key is known to both
            assert [follow(each) for each in (one, other, one)] == [NEW["url"]] * 3
            assert ask(one, "PUT", "/api/v1/links/docs", {"url": "https://example.com/new"})[0] == 200
            assert [follow(each) for each in (one, other)] == ["https://example.com/new"] * 2
            one.drain()
            assert one.wait() == 0
            other.drain()
            assert other.wait() == 0
        with started("all", **urls) as again:
            _, _, body = ask(again, "GET", "/api/v1/links/docs/visits")
            assert json.loads(body)["total"] == 5
        print("KEYS acme-links:development:*", file=server.stdin, flush=True)
        assert server.stdout.readline().startswith("acme-links:development:cache:links:")
    finally:
        server.stdin.close()
        server.wait(TIMEOUT_SECONDS)
        server.stdout.close()
