"""A post and its comments, and what the API needs of a store of them. `store.py` keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from firstlight.lists import Filter, Found, Listing, Selection
from pydantic import AwareDatetime

MAX_DEPTH = 10
"""Levels of answers below a comment on the post that are shown."""
MAX_COMMENTS = 500
"""Comments of a post that are shown: the first levels first, and of a level the oldest."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """An article."""

    slug: str
    title: str
    body: str
    author: str
    created_at: datetime = field(default_factory=_now)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewComment:
    """A comment on a post, or an answer to the comment `parent`."""

    author: str
    text: str
    parent: int | None = None
    created_at: datetime = field(default_factory=_now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment(NewComment):
    """A comment that is stored."""

    id: int


LISTING = Listing(
    key="slug",
    sort={"created_at": AwareDatetime, "slug": str},
    default="-created_at",
    filters={"author": Filter("author", str)},
    search=("title", "body"),
)


class PostStore(Protocol):
    """Each method is atomic."""

    async def add(self, post: Post) -> None:
        """Add a post. Raises `ConflictError` for a taken slug."""

    async def get(self, slug: str) -> Post:
        """The post with this slug. Raises `NotFoundError`."""

    async def select(self, selection: Selection) -> Found[Post]:
        """The posts of one page."""

    async def comment(self, slug: str, comment: NewComment) -> Comment:
        """Add a comment to a post. Raises `NotFoundError` without the post, or without the parent in this post."""

    async def comments(self, slug: str) -> Sequence[Comment]:
        """The comments of a post, level by level: a parent comes before its answers. Raises `NotFoundError`."""
