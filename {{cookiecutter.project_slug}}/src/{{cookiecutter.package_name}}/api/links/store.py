"""Short links in memory, lost when the process ends. Replace it with a database for production."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from firstlight import Component, NoSettings, Surroundings
from firstlight.problems import ConflictError, NotFoundError

CAPACITY = 10_000
SLUG_BYTES = 6  # 8 characters


@dataclass(frozen=True, slots=True)
class Link:
    """A short name for a URL."""

    slug: str
    url: str
    created_at: datetime


class LinkStore:
    """Links in the order of their creation."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Hold at most `capacity` links."""
        self._capacity = capacity
        self._links: dict[str, Link] = {}

    def add(self, url: str, slug: str | None = None) -> Link:
        """Create a link. Raises `ConflictError` for a taken slug and when the store is full.

        A full store is an error of the client (409), not of the service: otherwise a client that creates many links
        could use up the error budget. Old links are never removed to make place for new ones.
        """
        if len(self._links) >= self._capacity:
            msg = f"No link can be added: the limit of {self._capacity} links is reached."
            raise ConflictError(msg)
        slug = slug or secrets.token_urlsafe(SLUG_BYTES)
        if slug in self._links:
            msg = f"The slug {slug} is taken."
            raise ConflictError(msg)
        link = self._links[slug] = Link(slug, url, datetime.now(UTC))
        return link

    def get(self, slug: str) -> Link:
        """The link with this slug. Raises `NotFoundError`."""
        try:
            return self._links[slug]
        except KeyError:
            msg = "There is no link with this slug."
            raise NotFoundError(msg) from None

    def page(self, offset: int, limit: int) -> Sequence[Link]:
        """At most `limit` links, after the oldest `offset` ones. Links are never removed, so pages are stable."""
        stop = min(offset + limit, len(self._links))
        return tuple(islice(self._links.values(), min(offset, stop), stop))


@asynccontextmanager
async def open_store(_: Surroundings[NoSettings]) -> AsyncIterator[LinkStore]:
    """A store that lives as long as the process serves."""
    yield LinkStore()


LINKS = Component(name="links", settings=NoSettings, open=open_store)
