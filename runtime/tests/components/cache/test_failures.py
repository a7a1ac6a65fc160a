"""Each failure of the README, driven: reads stay true and quick, nothing raises, no action is needed."""

import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firstlight.components.cache import CACHE, Caches
from firstlight.components.cache.metrics import ERRORS
from firstlight.management.health import CheckState
from firstlight.testing.process import ServiceProcess
from firstlight.testing.redis import RedisProcess

from ...conftest import FAULTS
from ...fault_proxy import FaultProxy
from . import outages
from .kept import LINKS, Link, Source, link, opened, until, used
from .outages import Broken, Outage

pytestmark = pytest.mark.anyio

MANIFEST = FAULTS.parents[2] / "components/cache/component.toml"
PROGRAM = FAULTS.parent / "programs" / "cached.py"
READ_SECONDS = 1.0  # for one read, with one or two calls that hang
RECOVERY_SECONDS = 3.0
ROUNDS = 8

AWAY = "Redis is down, or cannot be reached"
HANGS = "Redis hangs, or answers too late"
CHANGES = "Redis comes and goes, or ends connections"
REFUSES = "Redis refuses the service: another password"
READS = "Redis is read-only: a replica, or a disk that is full"
FULL = "Redis has no memory left, and evicts nothing"
EVICTS = "Redis evicts entries"
FORM = "an entry is of another type, or cannot be read"
AT_START = "Redis is down at the start"
# Driven in other modules of this folder.
ELSEWHERE = {
    "an instance cannot tell Redis what has changed": "test_instances.py",
    "the connection on which Redis says what has changed is lost": "test_instances.py",
    "the password of Redis is replaced": "test_rotation.py",
    "the queue of visits cannot be reached, or is full": "stores/test_queues.py",
    "an instance is killed while writes are queued": "stores/test_write_behind_kills.py",
    "a queued write cannot take effect": "stores/test_queues.py",
}


@dataclass(frozen=True)
class Row:
    """A failure: its line in the README, and what happens."""

    name: str
    outage: Outage
    line: str
    """`what` of the manifest."""
    loses: bool = False
    """Whether the cache stops to use the server."""
    reason: str = ""
    """One that is counted, if any must be."""


ROWS = [
    Row("crashed", outages.CRASHED, AWAY, loses=True),
    Row("stopped", outages.STOPPED, AWAY, loses=True),
    Row("unreachable", outages.UNREACHABLE, AWAY, loses=True),
    Row("hanging", outages.HANGING, HANGS, loses=True, reason="timeout"),
    Row("too slow", outages.TOO_SLOW, HANGS, reason="timeout"),
    Row("slow", outages.SLOW, HANGS),
    Row("flapping", outages.FLAPPING, CHANGES),
    Row("connections ended", outages.SESSIONS_ENDED, CHANGES),
    Row("wrong password", outages.WRONG_PASSWORD, REFUSES, loses=True),
    Row("read-only", outages.READ_ONLY, READS, loses=True),
    Row("out of memory", outages.OUT_OF_MEMORY, FULL, reason="out_of_memory"),
    Row("evicting", outages.EVICTING, EVICTS),
    Row("wrong type", outages.WRONG_TYPE, FORM, reason="wrong_type"),
    Row("unreadable", outages.UNREADABLE, FORM, reason="undecodable"),
]


@pytest.fixture
def broken(redis: RedisProcess) -> Iterator[Broken]:
    """The server, and the way to it."""
    with FaultProxy(redis.port) as proxy:
        yield Broken(redis, proxy)


def _is_up(caches: Caches) -> bool:
    tracking = caches.levels.tracking
    return tracking is not None and tracking.is_up


async def _read(caches: Caches, source: Source, slug: str) -> Link | None:
    """A read, which is quick."""
    began = time.monotonic()
    found = await caches.read(LINKS, slug, source.load(slug))
    assert time.monotonic() - began < READ_SECONDS
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_failure_makes_the_cache_slower_and_never_wrong(broken: Broken, row: Row) -> None:
    """Every read has the value of its source, also after writes during the failure and after its end."""
    source = Source(kept=link("kept"))
    counted = _counted(row.reason)
    async with opened(broken.server.url(port=broken.proxy.port), cache_drift_seconds=0.5) as caches:
        await _read(caches, source, "kept")
        with row.outage(broken):
            for number in range(ROUNDS):
                assert await _read(caches, source, "kept") == source.rows["kept"]
                fresh = link(f"n{number}")
                source.rows[fresh.slug] = fresh
                assert await _read(caches, source, fresh.slug) == fresh
                changed = link("kept", f"https://{number}.example")
                await caches.write(LINKS, "kept", changed, source.save(changed))
                assert await _read(caches, source, "kept") == changed
            if row.loses:
                await until(lambda: not _is_up(caches))
        assert _counted(row.reason) > counted or not row.reason

        began = time.monotonic()
        await used(caches, source)
        assert time.monotonic() - began < RECOVERY_SECONDS
        for slug, value in source.rows.items():
            assert await _read(caches, source, slug) == value


def _counted(reason: str) -> float:
    samples = [sample for metric in ERRORS.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.labels.get("reason") == reason)


async def test_a_server_that_only_reads_is_not_used(broken: Broken) -> None:
    """Also by an instance that changes nothing: others cannot forget what it would read there."""
    async with opened(broken.server.url(port=broken.proxy.port), cache_drift_seconds=0.5) as caches:
        with outages.READ_ONLY(broken):
            await until(lambda: not _is_up(caches))
        await until(lambda: _is_up(caches))


async def test_the_check_says_that_redis_is_away(broken: Broken) -> None:
    """It is not critical."""
    async with opened(broken.server.url(port=broken.proxy.port)) as caches:
        (check,) = CACHE.checks(caches)  # type: ignore[arg-type]
        state = CheckState(check)
        await state.refresh()
        assert (state.status, check.critical) == ("pass", False)
        broken.proxy.refuse()
        for _ in range(3):
            await state.refresh()
        assert state.status == "fail"


def test_the_service_starts_without_its_server(redis: RedisProcess, serve: Callable[..., ServiceProcess]) -> None:
    """It is ready and answers; as soon as the server is up, it is used."""
    with FaultProxy(redis.port) as proxy:
        proxy.refuse()
        process = serve(str(PROGRAM), REDIS_URL=redis.url(port=proxy.port)).started()
        assert process.wait_for("cache.server_lost")["reason"]
        assert process.manage("/health/ready").status_code == 200
        assert process.get("/rows/a").text == "row a"
        proxy.restore()
        process.wait_for("cache.server_returned")
        assert process.get("/rows/b").text == "row b"
    assert redis.command("EXISTS", "sample:development:cache:rows:b") == "1"


def test_the_readme_has_these_failures() -> None:
    """Every line of the README is driven here, and every failure here has a line there."""
    manifest: dict[str, Any] = tomllib.loads(MANIFEST.read_text())
    assert {failure["what"] for failure in manifest["failures"]} == {*(row.line for row in ROWS), AT_START, *ELSEWHERE}
    assert all((Path(__file__).parent / module).exists() for module in ELSEWHERE.values())
