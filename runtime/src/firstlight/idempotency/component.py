"""The component: the store, and the middleware around each operation that honours keys."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from ..component import Background, Component, Layer, NoSettings, Requirement, Surroundings
from . import outcomes
from .memory import Limits, MemoryStore
from .middleware import COMPONENT, honoured
from .store import AnyStore, Store

Open = Callable[[Surroundings[NoSettings]], AbstractAsyncContextManager[AnyStore]]


@asynccontextmanager
async def open_memory(surroundings: Surroundings[NoSettings]) -> AsyncIterator[Store]:
    """Keys in the memory of this process, within the limits of the settings."""
    settings = surroundings.service
    store = MemoryStore(Limits(keys=settings.idempotency_max_keys, bytes=settings.idempotency_max_bytes))
    outcomes.watch(store)
    yield store


def idempotency(
    store: Open = open_memory,
    *,
    requires: Sequence[Requirement] = (),
    uses: Sequence[Requirement] = (),
    background: Sequence[Background] = (),
) -> Component[NoSettings, AnyStore]:
    """The component with a store of its own, such as one in a database that all instances share.

    `store` opens and closes it, and gets the resources of the components in `requires` and `uses`, as the `open` of a
    component does. The health checks of the component are those of the store. `background` is what the store does
    beside the requests.
    """
    return Component(
        name=COMPONENT,
        settings=NoSettings,
        open=store,
        requires=requires,
        uses=uses,
        checks=lambda opened: opened.checks(),
        middleware={Layer.IDEMPOTENCY: honoured},
        background=background,
    )


IDEMPOTENCY = idempotency()
"""Idempotency keys, stored in the memory of the process: for one instance."""
