"""What happened, kept in memory."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ..component import Component, Surroundings

log = structlog.get_logger()


class EventsSettings(BaseSettings):
    """`EVENTS_*`."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="events_", env_ignore_empty=True)

    kept: int = Field(100, ge=1)


class Bus:
    """The last events."""

    def __init__(self, kept: int) -> None:
        """Keep so many."""
        self.events: deque[str] = deque(maxlen=kept)

    def publish(self, name: str) -> None:
        """Keep one, and log it."""
        self.events.append(name)
        log.info("events.published", name=name)


@asynccontextmanager
async def open_bus(surroundings: Surroundings[EventsSettings]) -> AsyncIterator[Bus]:
    """A bus."""
    yield Bus(surroundings.settings.kept)


EVENTS = Component(name="events", settings=EventsSettings, open=open_bus)
