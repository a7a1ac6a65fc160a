"""The tables of links. After a change: `make migration MESSAGE="what it does"`."""

from firstlight.components.database.full_text import document
from firstlight.components.database.moments import Moment
from sqlalchemy import Column, Date, ForeignKey, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import TEXT

from ...tables import METADATA

# Slugs are sorted by their bytes, on every server alike.
SLUG = Text().with_variant(TEXT(collation="C"), "postgresql")

links = Table(
    "links",
    METADATA,
    Column("slug", SLUG, primary_key=True),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("version", Text, nullable=False),
)
Index(None, links.c.created_at, links.c.slug)  # the pages of the list, in the order of creation

# What the search finds on PostgreSQL: words. SQLite has no such index, and finds parts of words.
WORDS = document(links.c.slug, links.c.url, links.c.title)
Index("ix_links_words", WORDS, postgresql_using="gin").ddl_if(dialect="postgresql")

link_visits = Table(
    "link_visits",
    METADATA,
    Column("slug", SLUG, ForeignKey(links.c.slug, ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("visits", Integer, nullable=False),
)
