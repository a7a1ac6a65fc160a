"""The test rig: starts servers and the sink, sends load, and ends what it started."""

import http.client
import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Self

from .environments import CACHE, CLIENT, DATABASE, Environments, versions_of
from .load import Answers, Order
from .machine import Cores
from .ports import free_port
from .postgresql import Postgresql
from .processes import Process
from .redis import RedisServer
from .variants import NEW_LINK, Variant

START_SECONDS = 30.0
FEW_ROUNDS = 5
POLL_SECONDS = 0.002
LOAD_SECONDS = 300.0
LOOPBACK = "127.0.0.1"
NOBODY = (0, "")


@dataclass(frozen=True)
class Amounts:
    """How much of everything: `share` scales whatever has an amount of its own, for a short run."""

    rounds: int
    requests: int
    share: float = 1.0

    @property
    def few_rounds(self) -> int:
        """For what differs little from round to round."""
        return min(self.rounds, FEW_ROUNDS)

    @property
    def filling_rounds(self) -> int:
        """Rounds that only fill caches."""
        return round(self.share)

    def of(self, number: int) -> int:
        """So many of something."""
        return max(round(number * self.share), 1)


class Server(Process):
    """A server under test."""

    def __init__(self, variant: Variant, command: list[str], core: int, variables: Mapping[str, str]) -> None:
        """Start it."""
        self.variant = variant
        self.port, self.management_port = int(variables["PORT"]), int(variables["MANAGEMENT_PORT"])
        super().__init__(command, core, variables)

    def until_ready(self, seconds: float = START_SECONDS) -> Self:
        """Wait until it answers 200."""
        while self.get(self.variant.ready) != http.client.OK:
            if self.status is not None:
                reason = f"ended with status {self.status} before it was ready"
                raise self.failure(reason)
            if time.perf_counter() - self.started > seconds:
                reason = f"was not ready after {seconds:.0f} s"
                raise self.failure(reason)
            time.sleep(POLL_SECONDS)
        return self

    def get(self, path: str, *, management: bool = False) -> int:
        """The status of one request, 0 if nobody answers."""
        return self.fetch(path, management=management)[0]

    def fetch(
        self, path: str, *, management: bool = False, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and body of one request, 0 and nothing if nobody answers."""
        return fetch(self.management_port if management else self.port, path, headers or {})

    def series(self) -> dict[str, float]:
        """What a scrape holds, by name and labels."""
        _, text = self.fetch("/metrics", management=True)
        samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}


class Rig:
    """One run's servers, sink and load."""

    def __init__(self, environments: Environments, cores: Cores, amounts: Amounts) -> None:
        """Nothing runs yet."""
        self.environments = environments
        self.cores = cores
        self.amounts = amounts
        self.sink_port = free_port()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start the sink."""
        command = [sys.executable, "-m", "bench.sink", str(self.sink_port)]
        sink = self._stack.enter_context(Process(command, self.cores.load))
        while fetch(self.sink_port, "/seen/00", {}) == NOBODY:
            if sink.status is not None:
                reason = "ended before it listened"
                raise sink.failure(reason)
            time.sleep(POLL_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        """End everything."""
        self._stack.close()

    def start(self, variant: Variant, *, core: int | None = None, under: Sequence[str] = (), **settings: str) -> Server:
        """Start a server, without waiting for it. `under` is the command of a tool that runs it."""
        python = self.environments.pythons[variant.environment]
        variables = {
            "PORT": str(free_port()),
            "MANAGEMENT_PORT": str(free_port()),
            "LOG_FORMAT": "json",
            "DRAIN_SECONDS": "0",
            "SHED_SECONDS": "60",  # no request is to be refused because the machine or valgrind is slow
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{self.sink_port}",
            **({"DATABASE_URL": self.postgresql.url} if variant.environment == DATABASE else {}),
            **({"REDIS_URL": self.redis.url} if variant.environment == CACHE else {}),
            **({"HTTP_CLIENT_DEPENDENCIES": self._dependency} if variant.environment == CLIENT else {}),
            **variant.settings,
            **settings,
        }
        command = [*under, str(python), "-m", f"bench.programs.{variant.program}"]
        return Server(variant, command, self.cores.server if core is None else core, variables)

    @property
    def _dependency(self) -> str:
        """The sink, as what a service calls."""
        return f"screening=http://{LOOPBACK}:{self.sink_port}"

    @cached_property
    def postgresql(self) -> Postgresql:
        """The database of the servers that need one. It starts at the first use."""
        return self._stack.enter_context(Postgresql(self.environments.pythons[DATABASE], self.cores.load))

    @cached_property
    def redis(self) -> RedisServer:
        """The Redis of the servers that need one. It starts at the first use."""
        return self._stack.enter_context(RedisServer(self.environments.pythons[CACHE], self.cores.load))

    def setting(self, *names: str, of: str = DATABASE) -> str:
        """When and where this runs, with the versions of packages of an environment; other `names` stay as they are."""
        versions = versions_of(self.environments.pythons[of])
        packages = ", ".join(f"{name} {versions[name]}" if name in versions else name for name in names)
        return f"{self.environments.setting} {packages}."

    def ready(self, server: Server, seconds: float = START_SECONDS) -> Server:
        """Wait until it answers, and store what its path asks for."""
        server.until_ready(seconds)
        if server.variant.stores and (statuses := self.send(server, 1, **NEW_LINK).statuses) != {"201": 1}:
            reason = f"answered {statuses} to a new link"
            raise server.failure(reason)
        return server

    def send(self, server: Server, count: int, **order: object) -> Answers:
        """Send requests to a server, from a process of their own."""
        words = json.dumps(asdict(Order(server.port, count)) | order)
        with Process([sys.executable, "-m", "bench.load", words], self.cores.load) as load:
            status = load.wait(LOAD_SECONDS)
            if status != 0 or server.status is not None:
                reason = f"(status {server.status}) failed under load: {load.output.decode()}"
                raise server.failure(reason)
            return Answers(**json.loads(load.output))

    def sink_saw(self, trace_id: str) -> bool:
        """Whether a span of this trace has been exported lately."""
        return fetch(self.sink_port, f"/seen/{trace_id}", {})[0] == http.client.OK


def fetch(port: int, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """Status and body of one request, 0 and nothing if nobody answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=START_SECONDS)
    try:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, http.client.HTTPException):
        return NOBODY
    finally:
        connection.close()
