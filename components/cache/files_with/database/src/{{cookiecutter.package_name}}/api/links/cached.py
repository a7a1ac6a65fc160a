"""Links through the cache: a redirect reads it and queues the visit, and a change of a link forgets what it has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

from firstlight import NoSettings, Surroundings
from firstlight.components.cache import CACHE, Cached, Caches
from firstlight.components.cache.write_behind import Writes
from firstlight.lists import Found, Selection
from firstlight.problems import NotFoundError, UnavailableError

from . import store
from .port import Link, LinkStore, Visits
from .visit_queue import VISITS, Visit

BY_SLUG = Cached("links", version=1, type=Link, ttl=300, stale=30, negative=5)


class CachedLinks:
    """A `LinkStore` in front of the one of `store.py`. Who edits a link always sees that one."""

    def __init__(self, links: LinkStore, cache: Caches, queue: Writes[Visit]) -> None:
        """Ask `links` for what `cache` does not have. Visits go to `queue`."""
        self._links, self._cache, self._queue = links, cache, queue

    async def add(self, link: Link) -> None:
        """See the port."""
        async with self._cache.changing(BY_SLUG, link.slug):  # it may know that there was none
            await self._links.add(link)

    async def get(self, slug: str) -> Link:
        """See the port."""
        return await self._links.get(slug)

    async def select(self, selection: Selection) -> Found[Link]:
        """See the port."""
        return await self._links.select(selection)

    async def replace(self, link: Link, changed: Link) -> None:
        """See the port."""
        async with self._cache.changing(BY_SLUG, link.slug):
            await self._links.replace(link, changed)

    async def remove(self, link: Link) -> None:
        """See the port."""
        async with self._cache.changing(BY_SLUG, link.slug):
            await self._links.remove(link)

    async def visit(self, slug: str) -> Link:
        """See the port. The visit is counted within a second, or by another instance if this one is killed."""
        link = await self._cache.read(BY_SLUG, slug, partial(self._find, slug))
        if link is None:
            msg = "There is no link with this slug."
            raise NotFoundError(msg)
        with suppress(UnavailableError):  # the visitor gets the link; the queue counts what it refuses
            await self._queue.add(Visit.of(link))
        return link

    async def visits(self, slug: str) -> Visits:
        """See the port."""
        return await self._links.visits(slug)

    async def _find(self, slug: str) -> Link | None:
        try:
            return await self._links.get(slug)
        except NotFoundError:
            return None


@asynccontextmanager
async def open_links(surroundings: Surroundings[NoSettings]) -> AsyncIterator[LinkStore]:
    """The store of `store.py` behind the cache of the service."""
    async with store.LINKS.open(surroundings) as links:
        yield CachedLinks(links, CACHE.of(surroundings), VISITS.of(surroundings))


# It has the name of the component in `store.py`, so operations that ask that one for its store get this one.
LINKS = replace(store.LINKS, open=open_links, requires=(*store.LINKS.requires, "cache", VISITS.name))
