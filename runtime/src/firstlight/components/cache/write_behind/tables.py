"""The table of queues."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text

NAME = "write_behind"


def write_behind_table(metadata: MetaData) -> Table:
    """Declare the table in the metadata of a service, so that its migrations create it. All queues share it.

    A row is an entry: `writes` is a JSON list of `number` writes that came together. `created` is in seconds since
    1970, by the clock of the server. A row with a `reason` was set aside.
    """
    declared = metadata.tables.get(NAME)  # by another queue
    if declared is not None:
        return declared
    return Table(
        NAME,
        metadata,
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("queue", String(64), nullable=False),
        Column("writes", LargeBinary, nullable=False),
        Column("number", Integer, nullable=False),
        Column("created", Double, nullable=False),
        Column("reason", Text, nullable=True),
        Index("ix_write_behind_queue", "queue", "id"),
    )


ENTRIES = write_behind_table(MetaData())
