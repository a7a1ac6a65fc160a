"""The component of a queue: where it is, what it accepts, what it says of itself, and what it does at the end."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from firstlight import REGISTRY, Component, Operation, Service, Settings, SettingsError, UsageError, create_app
from firstlight.component import NoSettings, Surroundings
from firstlight.components.cache import CACHE
from firstlight.components.cache.gathered import BatchLimits, CrowdedError, Gathered
from firstlight.components.cache.write_behind import Depth, Writes, write_behind
from firstlight.components.cache.write_behind.codec import Codec
from firstlight.components.cache.write_behind.measures import depths
from firstlight.components.cache.write_behind.queue import Flushed, Queue
from firstlight.components.cache.write_behind.requeue import requeue
from firstlight.errors import ArrangementError
from firstlight.lifecycle import Lifecycle
from firstlight.management.check import Check
from firstlight.problems import UnavailableError
from firstlight.testing.lines import Lines
from firstlight.testing.process import ServiceProcess
from firstlight.testing.redis import RedisProcess

from ....conftest import PROGRAMS
from ....faults import IDENTITY
from .queues import Parcel, commands

OFFICE = str(PROGRAMS / "parcel_office.py")
PARCELS = write_behind("parcels", Parcel, to_redis=commands, every_seconds=3600)


async def create(request: Request) -> Response:
    """Accept a parcel."""
    await PARCELS.of(request).add(Parcel(request.path_params["name"]))
    return Response(status_code=201)


def sample(name: str, **labels: str) -> float:
    """The value of a metric of the queue."""
    return REGISTRY.get_sample_value(f"cache_write_behind_{name}", {"queue": "parcels", **labels}) or 0


@pytest.fixture
def start(
    service: Service, settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], TestClient]:
    """A function that makes a service with the Redis of a URL."""
    routes = [Operation(method="POST", path="/parcels/{name}", handler=create, answers={201: None})]
    service = replace(service, routes=routes, components=[CACHE, PARCELS])

    def started(url: str) -> TestClient:
        monkeypatch.setenv("REDIS_URL", url)
        return TestClient(create_app(settings, service, log_sink=lines))

    return started


@pytest.mark.parametrize(
    ("parcels", "demand"),
    [
        (PARCELS, "the writes of parcels need a durable queue: set REDIS_URL"),
        (write_behind("parcels", Parcel), "give to_database or to_redis"),
    ],
)
def test_it_needs_a_durable_queue(  # noqa: PLR0913, PLR0917 - fixtures
    service: Service,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    parcels: Component[NoSettings, Writes[Parcel]],
    demand: str,
    lines: Lines,
) -> None:
    """The start ends with a sentence, and without a traceback."""
    monkeypatch.setenv("REDIS_URL", "")
    app = create_app(settings, replace(service, components=[CACHE, parcels]), log_sink=lines)

    with pytest.raises(SettingsError, match=demand), TestClient(app):
        pass
    (line,) = lines.named("component.open_failed")
    assert demand in line["reason"]
    assert "exception" not in line


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"every_seconds": 0}, "every_seconds of the queue 'parcels' must be seconds above 0, not 0"),
        ({"every_seconds": math.nan}, "every_seconds of the queue 'parcels' must be seconds above 0, not nan"),
        ({"most": 0}, "most of the queue 'parcels' must be a number of writes, at least 1, not 0"),
    ],
)
def test_a_declaration_that_cannot_work(wrong: dict[str, Any], sentence: str) -> None:
    """One sentence says what would be right."""
    with pytest.raises(ArrangementError) as refused:
        write_behind("parcels", Parcel, to_redis=commands, **wrong)
    assert str(refused.value) == sentence


def test_the_end_of_the_service_flushes(start: Callable[[str], TestClient], store_server: RedisProcess) -> None:
    """What was accepted takes effect, although no period of the background task has ended."""
    store_server.command("FLUSHALL")
    before = sample("writes_total", outcome="flushed")

    with start(store_server.url()) as client:
        assert client.post("/parcels/a").status_code == 201
        assert client.post("/parcels/b").status_code == 201

    assert store_server.command("HGETALL", "parcels").split() == ["a", "1", "b", "1"]
    assert sample("writes_total", outcome="flushed") - before == 2
    assert sample("depth") == 0


def test_a_write_that_cannot_be_queued_is_503(
    start: Callable[[str], TestClient], store_server: RedisProcess, lines: Lines
) -> None:
    """It is counted and logged; nothing waits in the process for the server."""
    before = sample("writes_total", outcome="refused")
    with start(store_server.url()) as client:
        store_server.kill()
        try:
            refused = client.post("/parcels/a")
        finally:
            store_server.start()

    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    assert sample("writes_total", outcome="refused") - before == 1
    (event,) = (each for each in lines.events if each["event"] == "cache.write_refused")
    assert (event["level"], event["queue"]) == ("warning", "parcels")
    assert event["reason"]


class Broken:
    """A queue that does what a test says."""

    def __init__(self) -> None:
        """It works."""
        self.error: Exception | None = None
        self.asked: list[int] = []
        self.depth = Depth(2, 5.0, 0)

    async def put(self, writes: Sequence[bytes]) -> Sequence[bool]:
        """It is full."""
        return [False] * len(writes)

    async def flush(self, entries: int) -> Flushed:
        """Raise the error, or do nothing."""
        self.asked.append(entries)
        if self.error is not None:
            raise self.error
        return Flushed(0, 0, ())

    async def measure(self) -> Depth:
        """What the test says."""
        return self.depth

    async def requeue(self) -> int:
        """One."""
        return 1

    def checks(self) -> Sequence[Check]:
        """None."""
        return ()


def writes_of(queue: Queue) -> Writes[Parcel]:
    """A queue with the name of the tests."""
    return Writes("parcels", queue, Codec(Parcel))


def test_the_age_grows_while_nothing_can_be_flushed() -> None:
    """Each attempt is half as large, until one succeeds."""
    queue = Broken()
    writes = writes_of(queue)

    async def run() -> None:
        await writes.flush()
        assert sample("age_seconds") == 5
        queue.error = UnavailableError()
        for _ in range(9):
            await writes.flush()
        assert sample("age_seconds") > 5
        (shown,) = (each for each in depths() if each[0] == "parcels")
        assert shown[1:] == (sample("depth"), round(sample("age_seconds"), 1), sample("set_aside"))
        queue.error, queue.depth = None, Depth(0, 0.0, 3)
        await writes.flush()

    asyncio.run(run())
    assert queue.asked == [100, 100, 50, 25, 12, 6, 3, 1, 1, 1, 1]
    assert (sample("age_seconds"), sample("set_aside")) == (0, 3)


def test_a_defect_is_no_outage() -> None:
    """The supervisor of background tasks reports it."""
    queue = Broken()
    queue.error = LookupError()
    with pytest.raises(LookupError):
        asyncio.run(writes_of(queue).flush())


def test_refuses_what_is_too_much() -> None:
    """A full queue, and a write that is too large."""
    with pytest.raises(UnavailableError, match="too many"):
        asyncio.run(writes_of(Broken()).add(Parcel("a")))
    with pytest.raises(ValueError, match="at most 65536"):
        asyncio.run(writes_of(Broken()).add(Parcel("a" * 65_536)))


def test_nobody_waits_for_longer_than_said() -> None:
    """Although those before in the order wait for an answer that does not come."""
    batches: list[Sequence[int]] = []

    async def answer(asked: Sequence[int]) -> Sequence[int]:
        batches.append(asked)
        await asyncio.Event().wait()
        return asked

    async def run() -> list[int | BaseException]:
        gathered = Gathered(answer, BatchLimits(batch=1, seconds=0.05))
        return await asyncio.gather(*map(gathered.ask, range(3)), return_exceptions=True)

    assert [type(each) for each in asyncio.run(run())] == [TimeoutError] * 3
    assert batches == [[0]]


def test_gathers_a_limited_number_and_size() -> None:
    """A batch and all that waits have limits; an error belongs to its batch."""
    batches: list[Sequence[int]] = []

    async def answer(asked: Sequence[int]) -> Sequence[int]:
        batches.append(asked)
        await asyncio.sleep(0)
        if 7 in asked:
            raise LookupError
        return [each * 2 for each in asked]

    async def run() -> list[int | BaseException]:
        gathered = Gathered(answer, BatchLimits(batch=3, batch_bytes=10, waiting=6, waiting_bytes=40))
        return await asyncio.gather(
            *(gathered.ask(number, 9 if number == 3 else 3) for number in range(7)),
            gathered.ask(9, 40),
            return_exceptions=True,
        )

    answers = asyncio.run(run())
    assert batches == [[0, 1, 2], [3], [4, 5]]
    assert answers[:6] == [0, 2, 4, 6, 8, 10]
    assert [type(each) for each in answers[6:]] == [CrowdedError] * 2


def test_the_command_puts_back_what_was_set_aside(store_server: RedisProcess) -> None:
    """It knows the queues of the service, and lets them take effect before it ends. Without Redis it fails."""
    store_server.command("FLUSHALL")
    place = "office:development:write_behind:v1:office:set_aside"
    store_server.command("XADD", place, "*", "write", '{"name": "first"}', "reason", "cured")

    def run(url: str) -> tuple[int | None, ServiceProcess]:
        process = ServiceProcess([OFFICE, "requeue", "office"], {"REDIS_URL": url, "DATABASE_URL": ""})
        try:
            return process.wait(), process
        finally:
            process.close()

    status, process = run(store_server.url())
    assert (status, process.wait_for("cache.writes_requeued", queue="office")["number"]) == (0, 1)
    assert store_server.command("HGETALL", "parcels").split() == ["first", "1"]
    status, process = run("redis://127.0.0.1:1/0")
    assert status == 1
    assert "the queue office cannot be reached: " in process.wait_for("command.failed")["reason"]


def test_requeues_what_was_set_aside() -> None:
    """Of the queues that are named, or of all. A wrong name is refused with the right ones."""

    async def run() -> None:
        surroundings = Surroundings(NoSettings(), Settings(), {"parcels": writes_of(Broken())}, Lifecycle(), IDENTITY)
        await requeue(surroundings, [])
        await requeue(surroundings, ["parcels"])
        with pytest.raises(UsageError, match="no queue 'letters'; the queues are parcels"):
            await requeue(surroundings, ["letters"])
        without = Surroundings(NoSettings(), Settings(), {}, Lifecycle(), IDENTITY)
        with pytest.raises(UsageError, match="this service has no queue of writes"):
            await requeue(without, [])

    asyncio.run(run())
