"""The table of the states of rate limits."""

from sqlalchemy import Column, Double, MetaData, String, Table, Text

HASH_BYTES = 16


def rate_limit_table(metadata: MetaData) -> Table:
    """Declare the table in the metadata of a service, so that its migrations create it.

    `key` is a hash of the policy and of whom it counts, which may be an address; `state` is JSON; `expires` is in
    seconds since 1970, by the clock of the server. Without an index on a column that changes, and with free space in
    each page, PostgreSQL updates a row in place.
    """
    return Table(
        "rate_limit_states",
        metadata,
        Column("key", String(2 * HASH_BYTES), primary_key=True),
        Column("policy", String(64), nullable=False),
        Column("state", Text, nullable=False),
        Column("expires", Double, nullable=False),
        postgresql_with={"fillfactor": 50},
    )


STATES = rate_limit_table(MetaData())
