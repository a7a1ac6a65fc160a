"""A link, and what the API needs of a store of links. `store.py` keeps them."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Protocol

from firstlight.lists import Filter, Found, Listing, Selection
from pydantic import AwareDatetime

SLUG_BYTES = 6  # 8 characters


def random_slug() -> str:
    """A slug that nobody can guess."""
    return secrets.token_urlsafe(SLUG_BYTES)


def _version() -> str:
    return f"{time.time_ns():x}"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A short name for a URL. A change makes a new object, with another version."""

    slug: str
    url: str
    title: str = ""
    created_at: datetime = field(default_factory=_now)
    version: str = field(default_factory=_version)
    """No other state of a link has it, also after the link was deleted and created again."""

    @property
    def size(self) -> int:
        """How many characters of clients it holds."""
        return len(self.slug) + len(self.url) + len(self.title)

    def changed(self, **fields: Any) -> "Link":
        """The link with other values."""
        return replace(self, version=_version(), **fields)


LISTING = Listing(
    key="slug",
    sort={"created_at": AwareDatetime, "slug": str},
    filters={
        "created_after": Filter("created_at", AwareDatetime, "gt"),
        "created_before": Filter("created_at", AwareDatetime, "lt"),
    },
    search=("slug", "url", "title"),
)


@dataclass(frozen=True, slots=True)
class Visits:
    """How often a link was followed."""

    total: int
    days: Mapping[date, int]
    """The last days with a visit, in UTC."""


class LinkStore(Protocol):
    """Each method is atomic: it does all or nothing, and two calls do not mix."""

    async def add(self, link: Link) -> None:
        """Add a link. Raises `ConflictError` for a taken slug, `InsufficientStorageError` when the store is full."""

    async def get(self, slug: str) -> Link:
        """The link with this slug. Raises `NotFoundError`."""

    async def select(self, selection: Selection) -> Found[Link]:
        """The links of one page."""

    async def replace(self, link: Link, changed: Link) -> None:
        """Store the change of a link. Raises `PreconditionFailedError` if the link has another version by now."""

    async def remove(self, link: Link) -> None:
        """Remove a link and its visits. Raises `PreconditionFailedError` if the link has another version by now."""

    async def visit(self, slug: str) -> Link:
        """Count a visit of the link with this slug, and return the link. Raises `NotFoundError`."""

    async def visits(self, slug: str) -> Visits:
        """The visits of the link with this slug. Raises `NotFoundError`."""
