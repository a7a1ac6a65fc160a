"""What connections to SQLite need: they behave as those to PostgreSQL where they can."""

from typing import Any

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.event import listen

from .settings import DatabaseSettings
from .statements import BEGIN


def prepare(engine: Engine, settings: DatabaseSettings) -> None:
    """Readers do not wait for the writer; a second writer waits instead of failing."""
    milliseconds = round(settings.statement_seconds * 1000)

    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins no transactions by itself
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={milliseconds}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql(BEGIN)

    def returned(connection: Any, _record: object, _state: object) -> None:
        # A COMMIT that a deferred constraint refuses leaves the transaction open, and SQLAlchemy takes it for ended.
        if connection is not None and connection.driver_connection.in_transaction:
            connection.rollback()

    listen(engine, "connect", connected)
    listen(engine, "begin", begun)
    listen(engine, "reset", returned)
