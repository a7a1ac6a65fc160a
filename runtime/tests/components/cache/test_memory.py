"""The limits of memory, and what may be shared among readers."""

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from firstlight import REGISTRY
from firstlight.components.cache import Cached, Caches
from firstlight.components.cache.immutable import is_immutable
from firstlight.components.cache.metrics import EVICTIONS
from firstlight.errors import ArrangementError
from firstlight.testing.redis import RedisProcess

from .kept import LINKS, Link, errors, link, opened

pytestmark = pytest.mark.anyio

TEXTS = Cached("texts", type=str, ttl=60)


async def _keep(caches: Caches, number: int, size: int) -> None:
    for each in range(number):
        await caches.put(TEXTS, str(each), "x" * size)


@pytest.mark.parametrize(
    ("settings", "size"),
    [({"cache_memory_entries": 100}, 10), ({"cache_memory_bytes": 1_000_000}, 3_000)],
)
async def test_memory_is_limited_in_bytes_and_number(settings: dict[str, int], size: int) -> None:
    """The least recently used entry goes first, and is counted."""
    evicted = EVICTIONS.labels("texts").value
    async with opened("", **settings) as caches:
        await caches.put(TEXTS, "first", "kept")
        for each in range(500):
            await caches.put(TEXTS, str(each), "x" * size)
            await caches.get(TEXTS, "first")

        memory = caches.levels.memory
        assert len(memory) <= settings.get("cache_memory_entries", 150)
        assert memory.bytes <= settings.get("cache_memory_bytes", 200_000)
        assert REGISTRY.get_sample_value("cache_entries", {"cache": "texts"}) == len(memory)
        assert REGISTRY.get_sample_value("cache_bytes", {"cache": "texts"}) == memory.bytes
        assert EVICTIONS.labels("texts").value - evicted == 501 - len(memory)
        assert await caches.get(TEXTS, "first") == "kept"
        assert await caches.get(TEXTS, "0") is None


async def test_nothing_remains_of_what_was_forgotten() -> None:
    """Neither bytes nor tags."""
    async with opened() as caches:
        for slug in "abc":
            await caches.put(LINKS, slug, link(slug))
        await caches.forget_tagged(LINKS, "owner:ann")
        memory = caches.levels.memory
        assert (len(memory), memory.bytes, memory._tagged) == (0, 0, {})  # noqa: SLF001


async def test_an_entry_that_is_too_large_is_not_kept(redis: RedisProcess) -> None:
    """It is counted, and an older one is gone."""
    counted = errors(TEXTS, "put", "too_large")
    async with opened(redis.url(), cache_entry_bytes=1024) as caches:
        await caches.put(TEXTS, "a", "small")
        await caches.put(TEXTS, "a", "x" * 2000)
        assert await caches.get(TEXTS, "a") is None
    assert errors(TEXTS, "put", "too_large") == counted + 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    days: tuple[dt.date, ...] = ()


class _Open(BaseModel):
    name: str


class _Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class _Holder:
    names: list[str]


@pytest.mark.parametrize(
    "kind",
    [int, str | None, Link, _Frozen, _Colour, tuple[int, str], frozenset[str], Annotated[int, "x"], Literal["a"]],
)
def test_values_that_nobody_can_change_are_shared(kind: Any) -> None:
    """Readers get the same object, without decoding."""
    assert is_immutable(kind)


@pytest.mark.parametrize(
    "kind", [list[int], dict[str, int], _Open, _Holder, Any, tuple[list[int], ...], int | list[int]]
)
def test_values_that_someone_can_change_are_not(kind: Any) -> None:
    """Each reader gets an object of its own."""
    assert not is_immutable(kind)


class _Unknown:
    """Nobody said how it is written."""


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"name": "Links"},
            "name of the Cached 'Links' must be lower case with underscores, such as 'links', not 'Links'",
        ),
        ({"ttl": 0}, "ttl of the Cached 'x' must be seconds above 0, at most 30 days, not 0"),
        ({"jitter": 1}, "jitter of the Cached 'x' must be at least 0 and below 1, not 1"),
        ({"version": 0}, "version of the Cached 'x' must be a whole number, at least 1, not 0"),
        ({"version": 1.5}, "version of the Cached 'x' must be a whole number, at least 1, not 1.5"),
        ({"ttl": "5"}, "ttl of the Cached 'x' must be a number, not '5'"),
        (
            {"type": str | None},
            "type of the Cached 'x' must be one without None, which means that there is none, not str | None",
        ),
        (
            {"type": _Unknown},
            "type of the Cached 'x' must be a type that pydantic reads and writes, not " + repr(_Unknown),
        ),
        ({"stale": -1}, "stale of the Cached 'x' must be seconds, at least 0, not -1"),
    ],
)
def test_a_declaration_that_cannot_work(wrong: dict[str, Any], sentence: str) -> None:
    """One sentence says what would be right."""
    with pytest.raises(ArrangementError) as refused:
        Cached(**{"name": "x", "type": str, **wrong})
    assert str(refused.value) == sentence


def test_tags_are_several_texts() -> None:
    """The letters of one text would be tags."""
    texts: Cached[str] = Cached("x", type=str, tags=str)
    with pytest.raises(ArrangementError, match="must return several texts, as in \\['shop:7'\\], not one"):
        texts.tags_of("shop:7")


def test_entries_do_not_end_all_at_once() -> None:
    """Their time is shortened at random."""
    times = {TEXTS.lifetime("x")[0] for _ in range(100)}
    assert len(times) > 50
    assert 54 <= min(times) <= max(times) <= 60
