"""The address of a server is looked up for each connection: it may change without a restart of the service."""

import asyncio
from typing import Any, ClassVar

import pytest

from firstlight.components.database import DatabaseUnavailableError
from firstlight.testing.postgresql import PostgresqlServer

from .databases import balance, opened

pytestmark = pytest.mark.anyio

HERE, NOBODY = "127.0.0.1", "127.0.0.2"


class Resolving(asyncio.SelectorEventLoop):
    """A loop with a name server of its own."""

    names: ClassVar[dict[str, str]] = {}

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """The address that the name has now."""
        return await super().getaddrinfo(self.names.get(host, host), port, **options)


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": Resolving})])
async def test_a_name_is_resolved_for_each_connection(postgresql: PostgresqlServer, postgresql_url: str) -> None:
    """The name points to another machine, where nobody answers, and back."""
    Resolving.names["database.test"] = HERE
    async with opened(postgresql_url.replace(HERE, "database.test"), tls="off", connect_seconds=0.3) as database:
        assert await balance(database, "alice") is None

        Resolving.names["database.test"] = NOBODY
        name = postgresql_url.rpartition("/")[2]
        postgresql.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
        with pytest.raises(DatabaseUnavailableError):
            await balance(database, "alice")

        Resolving.names["database.test"] = HERE
        assert await balance(database, "alice") is None
        assert database.primary.pool.checkedout() == 0
