"""The table of idempotency keys."""

from sqlalchemy import JSON, Column, Double, Index, Integer, LargeBinary, MetaData, SmallInteger, String, Table

from ....idempotency import MAX_CHARACTERS

CALLER_BYTES = 16


def idempotency_table(metadata: MetaData) -> Table:
    """Declare the table in the metadata of a service, so that its migrations create it.

    A row is committed with its response only, so `status` has a value in all rows that others see. `caller` is a hash
    of the caller's name, which may be an address. `expires` is in seconds since 1970, by the clock of the server.
    """
    return Table(
        "idempotency_keys",
        metadata,
        Column("caller", LargeBinary(CALLER_BYTES), primary_key=True),
        Column("key", String(MAX_CHARACTERS), primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("status", SmallInteger, nullable=True),
        Column("headers", JSON, nullable=True),
        Column("body", LargeBinary, nullable=True),
        Column("size", Integer, nullable=False),
        Column("expires", Double, nullable=False),
        # Finds what has expired, and holds all that the limits are counted from.
        Index("ix_idempotency_keys_expires", "expires", "caller", "size"),
    )


KEYS = idempotency_table(MetaData())
