"""docs/guides/cache.md: its code serves requests, and its tests pass, on memory and on Redis."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from firstlight import Service, Settings, create_app
from firstlight.testing.answers import DeclaredAnswers
from firstlight.testing.lines import Lines
from firstlight.testing.redis import RedisProcess

from ...faults import IDENTITY
from ..database.guides import GUIDES, blocks
from .kept import LINKS, Source, link, opened

pytestmark = pytest.mark.anyio

PAGE = "cache.md"
TESTS = [
    "test_a_raised_price_is_read",
    "test_a_response_is_not_fresh_for_longer_than_its_entry",
    "test_the_prices_of_a_closed_shop_are_gone",
]


@pytest.fixture
def code() -> dict[str, Any]:
    """The names that the Python blocks of the page define, one after the other."""
    names: dict[str, Any] = {"__name__": "prices"}
    for block in blocks(PAGE, "python"):
        exec(compile(block, PAGE, "exec"), names)  # noqa: S102 - of this repository's page
    return names


@pytest.fixture(params=["memory", "redis"])
def client(
    code: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[TestClient]:
    """A client of a service with the operations of the page, whose cache is warm."""
    monkeypatch.setenv("REDIS_URL", request.getfixturevalue("redis").url() if request.param == "redis" else "")
    component = replace(code["WARM"], for_tests=None)
    service = Service(identity=IDENTITY, components=[component], routes=code["OPERATIONS"])
    with TestClient(create_app(settings, service, log_sink=Lines()), raise_server_exceptions=False) as client:
        client.event_hooks = {"request": [], "response": [DeclaredAnswers(service).check]}  # as in a service
        yield client


@pytest.mark.parametrize("name", TESTS)
def test_the_tests_of_the_page_pass(code: dict[str, Any], client: TestClient, name: str) -> None:
    """Against the operations of the page; no other test is on it."""
    assert [each for each in code if each.startswith("test_")] == TESTS
    code[name](client)


@pytest.mark.parametrize("allowed", [" +info", ""])
async def test_the_rights_of_the_page_are_enough(redis: RedisProcess, allowed: str) -> None:
    """For keys of this service only; without `info`, the memory of the server is unknown."""
    (rights,) = re.findall(r"The user needs `([^`]*) \+info`", (GUIDES / PAGE).read_text(encoding="utf-8"))
    redis.command("ACL", "SETUSER", "app", "on", ">secret", "~sample:*", *f"{rights}{allowed}".split())
    url = redis.url().replace("redis://", "redis://app:secret@")
    source = Source(a=link("a"))
    async with opened(url) as caches:
        for _ in range(3):
            await caches.read(LINKS, "a", source.load("a"))
        await caches.write(LINKS, "a", link("a", "https://b.example"), source.save(link("a", "https://b.example")))
        for forget in (caches.forget_tagged(LINKS, "owner:ann"), caches.forget_matching(LINKS, "*")):
            await forget
            await caches.read(LINKS, "a", source.load("a"))
        assert caches.levels.tracking is not None
        assert caches.levels.tracking.is_up
        assert len(caches.levels.pending) == 0
    assert source.loads["a"] == 3
