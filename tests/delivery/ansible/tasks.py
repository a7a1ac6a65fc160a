"""Releases of the service with the made-up component `tasks`, and the queue that they share."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delivery.ansible.host import Host
from delivery.containers import until

ADDRESS = "127.0.0.1:7000"

# The page of every release: the made-up component with a queue that both slots share, because a container has no
# directory that outlives it.
PAGE = f"""
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any

from firstlight import Identity, Service
from firstlight.component import Command, Process, Surroundings
from firstlight.components.tasks import TASKS, work
from firstlight.idempotency import IDEMPOTENCY
from firstlight.lifecycle import Lifecycle

from .api import links

RELEASE = "@RELEASE@"


def ask(verb: str, argument: str = RELEASE) -> str:
    connection = HTTPConnection("{ADDRESS}", timeout=5)
    connection.request("GET", f"/{{verb}}/{{argument}}")
    answer = connection.getresponse().read().decode()
    connection.close()
    return answer


class Shared:
    def __init__(self, lifecycle: Lifecycle) -> None:
        self.lifecycle = lifecycle

    def take(self) -> str | None:
        return None if self.lifecycle.draining else ask("take") or None


@asynccontextmanager
async def shared(surroundings: Surroundings[Any]) -> AsyncIterator[Shared]:
    yield Shared(surroundings.lifecycle)


async def prepare(_: Surroundings[Any], arguments: Sequence[str]) -> None:
    ask("prepare")


async def ready(_: Shared) -> None:
    pass


run = work
@CODE@
TASKS = replace(
    TASKS, open=shared, checks=lambda _: [], ready_to_start=ready, background=(),
    commands={{"prepare": Command(prepare, "make the table")}}, processes={{"worker": Process(run, "do the tasks")}},
)
SERVICE = Service(
    identity=Identity.of(__package__), components=(IDEMPOTENCY, TASKS, links.LINKS), routes=links.OPERATIONS
)
"""

LOCKED = """
async def prepare(_: Surroundings[Any], arguments: Sequence[str]) -> None:
    print("waiting for the table")
    raise RuntimeError('the "table" is locked')
"""

# Web is as good as ever.
LATE = """
async def ready(_: Shared) -> None:
    if sys.argv[1:] == ["worker"]:
        raise TimeoutError("nobody answers")
"""

CARELESS = """
async def run(surroundings: Surroundings[Any]) -> None:
    while not surroundings.lifecycle.draining:
        if TASKS.of(surroundings).take():
            raise ValueError("a task that this release cannot read")
        await asyncio.sleep(0.02)
"""

RELEASES = {"tasks": "", "more-tasks": "", "locked": LOCKED, "late": LATE, "careless": CARELESS}


def page(release: str) -> str:
    """Write the page of a release."""
    return PAGE.replace("@RELEASE@", release).replace("@CODE@", RELEASES[release])


class Queue:
    """The tasks that wait, and what has become of them."""

    def __init__(self, host: Host) -> None:
        """It runs."""
        self.host = host

    def ask(self, verb: str, argument: str) -> None:
        """Change something."""
        self.host.get(f"http://{ADDRESS}/{verb}/{argument}")

    @property
    def prepared(self) -> list[str]:
        """The releases whose command has run, each time it did."""
        return [str(release) for release in self._state()["prepared"]]

    @property
    def taken(self) -> list[tuple[str, str]]:
        """The tasks that have been taken, and by which release."""
        return [(str(name), str(release)) for name, release in self._state()["taken"]]

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.host.get(f"http://{ADDRESS}/state/")[1])
        return state

    @contextmanager
    def endless(self, seconds: float) -> Iterator[None]:
        """Have a next task whenever a worker asks for one."""
        self.ask("endless", str(seconds))
        try:
            yield
        finally:
            self.ask("endless", "none")

    def done(self) -> list[str]:
        """The tasks that workers say they have done."""
        lines = [line for slot in ("blue", "green") for line in self.host.journal(f"acme-links-{slot}-worker-1")]
        return [json.loads(line)["task"] for line in lines if '"tasks.done"' in line]


@contextmanager
def queue(host: Host) -> Iterator[Queue]:
    """Run the server in the host's network."""
    command = host.in_network(sys.executable, Path(__file__).with_name("tasks_server.py"), ADDRESS.rpartition(":")[2])
    with subprocess.Popen(command) as process:
        try:
            until(lambda: host.answers(f"http://{ADDRESS}/state/"), "the queue answers")
            yield Queue(host)
        finally:
            process.terminate()
