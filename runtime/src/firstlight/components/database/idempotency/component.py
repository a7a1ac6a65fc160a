"""The component: the store in the database, and the removal of what has expired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ....component import Background, NoSettings, Surroundings
from ....idempotency import Limits, TransactionalStore, idempotency
from ....idempotency.middleware import COMPONENT
from ....idempotency.outcomes import watch
from .. import expired
from ..component import DATABASE
from .store import DatabaseStore

EVERY_SECONDS = 10.0


@asynccontextmanager
async def open_database(surroundings: Surroundings[NoSettings]) -> AsyncIterator[TransactionalStore]:
    """Keys in the database, within the limits of the settings for all instances together."""
    settings = surroundings.service
    limits = Limits(keys=settings.idempotency_max_keys, bytes=settings.idempotency_max_bytes)
    store = DatabaseStore(DATABASE.of(surroundings), limits)
    watch(store)
    yield store


async def remove_expired(surroundings: Surroundings[Any]) -> None:
    """Remove the keys that have expired, and count the others."""
    store = surroundings.resources[COMPONENT]
    assert isinstance(store, DatabaseStore)
    with expired.while_reachable():
        await store.remove_expired()


IDEMPOTENCY = idempotency(
    open_database,
    requires=("database",),
    background=(Background("idempotency_expired", remove_expired, every_seconds=EVERY_SECONDS),),
)
"""Idempotency keys in the database: for any number of instances."""
