"""Create the tables of links."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "v0002_links"
down_revision = "v0001_shared_stores"

SLUG = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables of links."""
    op.create_table(
        "links",
        sa.Column("slug", SLUG, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_links"),
    )
    op.create_index("ix_links_created_at_slug", "links", ["created_at", "slug"])
    if op.get_context().dialect.name == "postgresql":
        words = sa.text("to_tsvector('simple'::regconfig, slug || ' ' || url || ' ' || title)")
        op.create_index("ix_links_words", "links", [words], postgresql_using="gin")
    op.create_table(
        "link_visits",
        sa.Column("slug", SLUG, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["slug"], ["links.slug"], name="fk_link_visits_slug_links", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("slug", "day", name="pk_link_visits"),
    )
