"""Management ports in this process."""

from collections.abc import Callable, Iterator

import pytest

from firstlight.lifecycle import Lifecycle
from firstlight.management.health import Health
from firstlight.management.listener import Listener
from firstlight.management.protocol import Limits

DETAILS = {"serviceId": "sample", "version": "1.2.3"}

Start = Callable[..., Listener]


@pytest.fixture
def lifecycle() -> Lifecycle:
    """The lifecycle of a started process."""
    lifecycle = Lifecycle()
    lifecycle.started = True
    return lifecycle


@pytest.fixture
def health(lifecycle: Lifecycle) -> Health:
    """The health of a started instance."""
    return Health(lifecycle)


@pytest.fixture
def start(health: Health) -> Iterator[Start]:
    """Start listeners, which are stopped after the test."""
    listeners: list[Listener] = []

    def start(host: str = "127.0.0.1", port: int = 0, limits: Limits | None = None, **details: str) -> Listener:
        listener = Listener(health, host, port, {**DETAILS, **details}, limits)
        listeners.append(listener)
        listener.start()
        return listener

    yield start
    for listener in listeners:
        listener.stop()
