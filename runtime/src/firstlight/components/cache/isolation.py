"""The cache of tests: memory, never the server of the developer; with `TEST_CACHE=redis`, a real one of their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ...component import Component, Isolate, Isolated
from ...errors import SettingsError
from ...identity import Identity
from ...testing.redis import ABSENT, RedisProcess, find
from .caches import Caches
from .settings import CacheSettings

CachesT = TypeVar("CachesT", bound=Caches)
VARIABLE = "TEST_CACHE"
IN_MEMORY, IN_REDIS = "memory", "redis"


@contextmanager
def isolated(
    component: Component[CacheSettings, CachesT], identity: Identity, folder: Path
) -> Iterator[Isolate[CacheSettings, CachesT]]:
    """An empty cache for each test. Raises `SettingsError` for another value of `TEST_CACHE`, and without Redis."""
    del identity, folder
    wanted = os.environ.get(VARIABLE, "").strip().lower()
    if wanted not in {"", IN_MEMORY, IN_REDIS}:
        msg = f"{VARIABLE} must be {IN_MEMORY} or {IN_REDIS}, not {wanted!r}"
        raise SettingsError(msg)
    if wanted != IN_REDIS:
        yield _each(component, None)
        return
    if find() is None:
        msg = f"{VARIABLE} is {IN_REDIS}, but {ABSENT}"
        raise SettingsError(msg)
    with RedisProcess() as server:
        yield _each(component, server)


def _each(component: Component[CacheSettings, CachesT], server: RedisProcess | None) -> Isolate[CacheSettings, CachesT]:
    @contextmanager
    def isolate(_: bool) -> Iterator[Isolated[CacheSettings, CachesT]]:  # noqa: FBT001 - the type of `Isolate`
        if server is not None:
            server.command("FLUSHALL")
        url = "" if server is None else server.url()
        yield Isolated(component.open, {"REDIS_URL": url, "REDIS_URL_FILE": ""})

    return isolate
