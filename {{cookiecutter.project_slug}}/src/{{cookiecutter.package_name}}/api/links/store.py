"""Links in memory, lost when the process ends. Replace it with a database for production."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from firstlight import Component, NoSettings, Surroundings
from firstlight.lists import Found, Selection, SortedRows
from firstlight.problems import ConflictError, InsufficientStorageError, NotFoundError, PreconditionFailedError

from .counts import DailyCounts
from .port import LISTING, Link, LinkStore, Visits

MAX_LINKS = 10_000
MAX_CHARACTERS = 8_000_000


class MemoryLinks:
    """A `LinkStore` of limited size. Old links are never removed to make place for new ones."""

    def __init__(self, max_links: int = MAX_LINKS, max_characters: int = MAX_CHARACTERS) -> None:
        """Hold at most `max_links` links, with `max_characters` characters in all."""
        self._max_links = max_links
        self._max_characters = max_characters
        self._characters = 0
        self._links: dict[str, Link] = {}
        self._sorted = SortedRows[Link](LISTING)
        self._visits: dict[str, DailyCounts] = {}

    async def add(self, link: Link) -> None:
        """See the port."""
        if link.slug in self._links:
            msg = f"The slug {link.slug} is taken."
            raise ConflictError(msg)
        self._require_space(1, link.size)
        self._put(link)

    async def get(self, slug: str) -> Link:
        """See the port."""
        return self._get(slug)

    async def select(self, selection: Selection) -> Found[Link]:
        """See the port."""
        return self._sorted.select(selection)

    async def replace(self, link: Link, changed: Link) -> None:
        """See the port."""
        self._require_current(link)
        self._require_space(0, changed.size - link.size)
        self._drop(link)
        self._put(changed)

    async def remove(self, link: Link) -> None:
        """See the port."""
        self._require_current(link)
        self._drop(link)
        self._visits.pop(link.slug, None)

    async def visit(self, slug: str) -> Link:
        """See the port."""
        link = self._get(slug)
        if slug not in self._visits:
            self._visits[slug] = DailyCounts()
        self._visits[slug].add()
        return link

    async def visits(self, slug: str) -> Visits:
        """See the port."""
        self._get(slug)
        counts = self._visits.get(slug)
        return Visits(0, {}) if counts is None else Visits(counts.total, counts.days)

    def _get(self, slug: str) -> Link:
        try:
            return self._links[slug]
        except KeyError:
            msg = "There is no link with this slug."
            raise NotFoundError(msg) from None

    def _require_current(self, link: Link) -> None:
        if self._get(link.slug).version != link.version:
            msg = "The link has changed since it was read."
            raise PreconditionFailedError(msg)

    def _require_space(self, links: int, characters: int) -> None:
        if len(self._links) + links > self._max_links or self._characters + characters > self._max_characters:
            msg = "No link can be stored: the limit of the store is reached."
            raise InsufficientStorageError(msg)

    def _put(self, link: Link) -> None:
        self._links[link.slug] = link
        self._sorted.add(link)
        self._characters += link.size

    def _drop(self, link: Link) -> None:
        del self._links[link.slug]
        self._sorted.remove(link)
        self._characters -= link.size


@asynccontextmanager
async def open_store(_: Surroundings[NoSettings]) -> AsyncIterator[LinkStore]:
    """A store that lives as long as the process serves."""
    yield MemoryLinks()


LINKS = Component(name="links", settings=NoSettings, open=open_store)
