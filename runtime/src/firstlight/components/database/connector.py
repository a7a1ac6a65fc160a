"""Opens connections to one PostgreSQL server: by its address of now, with TLS, and with limits on both sides."""

from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import URL, Dialect

from .settings import DatabaseSettings
from .tls import Tls

APPLICATION_NAME_BYTES = 63
GRACE_SECONDS = 0.5  # after which the client gives up on a server that does not end a statement itself


class Connector:
    """Calling it opens a connection of asyncpg."""

    def __init__(self, address: Callable[[], URL], settings: DatabaseSettings, application: str) -> None:
        """`address` is asked for each connection. `application` is the name that the server shows.

        Raises `SettingsError` if the CA file cannot be used.
        """
        self._address = address
        self._settings = settings
        self._application = application[:APPLICATION_NAME_BYTES]
        self._tls = Tls(settings.tls, settings.tls_ca_file)

    async def __call__(self, *, unlimited: bool = False, **_: object) -> Any:
        """A new connection. SQLAlchemy gives the address of the start, which may be an old one.

        `unlimited` is for migrations: the client waits for a statement as long as it takes.

        Raises the errors of asyncpg, and `OSError`.
        """
        import asyncpg  # type: ignore[import-untyped] # noqa: PLC0415 - not with SQLite
        from sqlalchemy.dialects.postgresql.asyncpg import dialect  # noqa: PLC0415

        url, postgresql = self._address(), cast("Dialect", dialect())  # type: ignore[no-untyped-call]
        options = postgresql.create_connect_args(url)[1]
        settings = self._settings
        return await asyncpg.connect(
            **options,
            ssl=self._tls.context(url),
            timeout=settings.connect_seconds,
            command_timeout=None if unlimited else settings.statement_seconds + GRACE_SECONDS,
            server_settings={
                "application_name": self._application,
                "statement_timeout": _milliseconds(settings.statement_seconds),
                "idle_in_transaction_session_timeout": _milliseconds(settings.transaction_seconds),
            },
        )


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
