"""Points in time: `timestamptz` on PostgreSQL, a text in UTC on SQLite, which has no time zones."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A column of aware times. They come back in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time in UTC. Raises `ValueError` for one without a time zone."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "the time has no time zone"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time with its time zone. PostgreSQL's driver gives UTC already."""
        del dialect
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
