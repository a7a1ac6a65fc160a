"""The tables of posts and comments. After a change: `make migration MESSAGE="what it does"`."""

from firstlight.components.database.full_text import document
from firstlight.components.database.moments import Moment
from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import TEXT

from ...tables import METADATA

# Slugs are sorted by their bytes, on every server alike.
SLUG = Text().with_variant(TEXT(collation="C"), "postgresql")

posts = Table(
    "posts",
    METADATA,
    Column("slug", SLUG, primary_key=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)
Index(None, posts.c.created_at, posts.c.slug)  # the pages of the list, in the order of creation

# What the search finds on PostgreSQL: words. SQLite has no such index, and finds parts of words.
WORDS = document(posts.c.title, posts.c.body)
Index("ix_posts_words", WORDS, postgresql_using="gin").ddl_if(dialect="postgresql")

comments = Table(
    "comments",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("post", SLUG, ForeignKey(posts.c.slug, ondelete="CASCADE"), nullable=False),
    Column("parent", Integer, ForeignKey("comments.id", ondelete="CASCADE")),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)
Index(None, comments.c.post, comments.c.parent)  # where the tree of a post begins
Index(None, comments.c.parent)  # each further level
