"""docs/guides/write-behind.md: its code is imported, and its queues let likes take effect."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from firstlight import Settings, Surroundings
from firstlight.component import Component, NoSettings
from firstlight.components.cache import RedisServer
from firstlight.components.database import Database, DatabaseSettings
from firstlight.components.database.servers import Server
from firstlight.lifecycle import Lifecycle

from ....faults import IDENTITY
from .conftest import Opened

pytestmark = pytest.mark.anyio
GUIDE = Path(__file__).parents[5] / "docs/guides/write-behind.md"


@pytest.fixture(scope="module")
def code() -> dict[str, Any]:
    """What the code of the page defines."""
    defined: dict[str, Any] = {"__name__": "guide"}
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL):
        exec(compile(block, str(GUIDE), "exec"), defined)  # noqa: S102 - the code of the page
    return defined


async def like(queue: Component[NoSettings, Any], code: dict[str, Any], **resources: object) -> None:
    """Like a page three times, and end."""
    surroundings = Surroundings(NoSettings(), Settings(), resources, Lifecycle(), IDENTITY)
    async with queue.open(surroundings) as writes:
        for page in ("home", "home", "about"):
            await writes.add(code["Like"](page))


async def test_likes_are_counted_in_the_database(code: dict[str, Any], tmp_path: Path) -> None:
    """As the first example does."""
    url = f"sqlite:///{tmp_path}/likes.sqlite3"
    settings = DatabaseSettings.model_validate({"url": url})
    database = Database(settings, Server("primary", settings.address, settings, "test"))
    async with database.primary.engine.begin() as connection:
        await connection.run_sync(code["METADATA"].create_all)

    await like(code["LIKES"], code, database=database)

    async with database.transaction() as session:
        rows = {row.page: row.number for row in await session.execute(select(code["likes"]))}
    await database.close()
    assert rows == {"home": 2, "about": 1}


class _Cache:
    """A cache with a server."""

    def __init__(self, redis: RedisServer) -> None:
        """It is the one of a test."""
        self.redis = redis


async def test_likes_are_counted_in_redis(code: dict[str, Any], opened: Opened) -> None:
    """As the second one does."""
    async with opened() as server:
        await like(code["LIKES_IN_REDIS"], code, cache=_Cache(server))
        found: Any = await server.client.hgetall("likes")
    assert found == {b"home": b"2", b"about": b"1"}
