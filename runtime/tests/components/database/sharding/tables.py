"""The tables of the service."""

from sqlalchemy import Column, Integer, MetaData, String, Table

METADATA = MetaData()
ORDERS = Table(
    "orders",
    METADATA,
    Column("slot", Integer, nullable=False, index=True),
    Column("customer", String, primary_key=True),
    Column("number", Integer, primary_key=True),
)
