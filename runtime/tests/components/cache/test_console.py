"""The section of the cache on the development console."""

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from firstlight.components.cache import CACHE, Caches
from firstlight.components.cache.component import OpenCaches
from firstlight.testing.redis import RedisProcess

from .kept import LINKS, Source, link, opened

pytestmark = pytest.mark.anyio


def shown(caches: Caches) -> Mapping[str, Any]:
    """What the section shows, read in another thread, as the console does."""
    assert CACHE.console is not None
    assert isinstance(caches, OpenCaches)
    section, read = CACHE.console(caches), list[Mapping[str, Any]]()
    assert section.title == "Cache"
    thread = threading.Thread(target=lambda: read.append(section.read()))
    thread.start()
    thread.join()
    (content,) = read
    assert json.loads(json.dumps(content)).keys() == {"values", "tables"}
    return content


def rows(content: Mapping[str, Any], title: str) -> list[dict[str, Any]]:
    """The rows of a table, by the names of its columns."""
    (table,) = (each for each in content["tables"] if each["title"] == title)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


async def test_reads_loads_and_calls(redis: RedisProcess) -> None:
    """By cache, and by the operation of the server, whose password is not shown."""
    async with opened(redis.url().replace("//", "//:hunter2@")) as caches:
        assert "hunter2" not in json.dumps(shown(caches))
    async with opened(redis.url()) as caches:
        before = shown(caches)
        for _ in range(3):
            await caches.read(LINKS, "a", Source(a=link("a")).load("a"))
        content = shown(caches)

    assert content["values"]["server_is_used"] is True
    assert content["values"]["server"] in redis.url()
    assert content["values"]["memory_entries"] == 1
    (reads,) = (each for each in rows(content, "Reads") if each["cache"] == "links")
    (old,) = [each for each in rows(before, "Reads") if each["cache"] == "links"] or [dict.fromkeys(reads, 0)]
    assert [reads[each] - old[each] for each in ("memory", "redis", "miss")] == [1, 1, 1]
    assert reads["entries"] == 1
    assert any(each["cache"] == "links" and each["mean_ms"] >= 0 for each in rows(content, "Loads"))
    assert {"get", "acquire", "fill"} <= {each["operation"] for each in rows(content, "Calls of Redis")}


async def test_memory_alone() -> None:
    """There is no server to show."""
    async with opened() as caches:
        content = shown(caches)

    assert content["values"] == {"server": "none: memory alone", "memory_bytes": 0, "memory_entries": 0}
    assert "Calls of Redis" not in {each["title"] for each in content["tables"]}
