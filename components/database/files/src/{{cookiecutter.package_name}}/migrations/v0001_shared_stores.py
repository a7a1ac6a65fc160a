"""Create the tables of idempotency keys and rate limits."""

import sqlalchemy as sa
from alembic import op

revision = "v0001_shared_stores"
down_revision = None


def upgrade() -> None:
    """Create the tables of idempotency keys and rate limits."""
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.LargeBinary(16), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_expires", "idempotency_keys", ["expires", "caller", "size"])
    op.create_table(
        "rate_limit_states",
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("policy", sa.String(64), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_rate_limit_states"),
        postgresql_with={"fillfactor": 50},
    )
    if op.get_context().dialect.name == "postgresql":  # the states need not survive a crash of the server
        op.execute("ALTER TABLE rate_limit_states SET UNLOGGED")
