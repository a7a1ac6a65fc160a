"""Create the table of queued writes."""

import sqlalchemy as sa
from alembic import op

revision = "v0003_write_behind"
down_revision = "v0002_links"


def upgrade() -> None:
    """Create the table of queued writes."""
    op.create_table(
        "write_behind",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("writes", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_write_behind"),
    )
    op.create_index("ix_write_behind_queue", "write_behind", ["queue", "id"])
