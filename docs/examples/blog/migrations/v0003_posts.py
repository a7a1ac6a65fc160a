"""Create the tables of posts and comments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "v0003_posts"
down_revision = "v0002_links"

SLUG = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables of posts and comments."""
    op.create_table(
        "posts",
        sa.Column("slug", SLUG, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_posts"),
    )
    op.create_index("ix_posts_created_at_slug", "posts", ["created_at", "slug"])
    if op.get_context().dialect.name == "postgresql":
        words = sa.text("to_tsvector('simple'::regconfig, title || ' ' || body)")
        op.create_index("ix_posts_words", "posts", [words], postgresql_using="gin")
    op.create_table(
        "comments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post", SLUG, nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["post"], ["posts.slug"], name="fk_comments_post_posts", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent"], ["comments.id"], name="fk_comments_parent_comments", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
    )
    op.create_index("ix_comments_post_parent", "comments", ["post", "parent"])
    op.create_index("ix_comments_parent", "comments", ["parent"])
