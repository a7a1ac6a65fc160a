"""Create the orders."""

import sqlalchemy as sa
from alembic import op

revision = "v0001_orders"
down_revision = None


def upgrade() -> None:
    """Create the orders, with the slot of each row."""
    op.create_table(
        "orders",
        sa.Column("slot", sa.Integer, nullable=False, index=True),
        sa.Column("customer", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
    )
