"""The database of tests: a real one that is made for them, migrated once, never that of the developer.

It is a throw-away PostgreSQL server where PostgreSQL is installed, else a SQLite file. `TEST_DATABASE=sqlite` or
`TEST_DATABASE=postgresql` says which.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from pydantic import SecretStr

from ...component import Component, Isolate, Isolated, Surroundings
from ...errors import SettingsError
from ...identity import Identity
from ...lifecycle import Lifecycle
from ...settings import Settings
from ...testing.postgresql import MISSING, PostgresqlServer, find
from .addresses import POSTGRESQL, SQLITE
from .database import Database
from .rolled_back import rolled_back
from .schema import migrate
from .settings import DatabaseSettings

VARIABLE = "TEST_DATABASE"
TEMPLATE, SHARED = "template", "shared"

Made = Component[DatabaseSettings, Database]
Prepare = Callable[[str], None]


@contextmanager
def isolated(component: Made, identity: Identity, folder: Path) -> Iterator[Isolate[DatabaseSettings, Database]]:
    """A database with the schema of the service. `folder` is for files.

    Raises `SettingsError` for another value of `TEST_DATABASE`, and for `postgresql` where it is not installed.
    """

    def prepare(url: str) -> None:
        asyncio.run(_migrated(component, identity, url))

    kind = _on_postgresql if system() == POSTGRESQL else _on_sqlite
    with kind(component, prepare, folder) as isolate:
        yield isolate


def system() -> str:
    """`postgresql` or `sqlite`. Raises `SettingsError`."""
    wanted = os.environ.get(VARIABLE, "").strip().lower()
    if wanted not in {"", POSTGRESQL, SQLITE}:
        msg = f"{VARIABLE} must be {POSTGRESQL} or {SQLITE}, not {wanted!r}"
        raise SettingsError(msg)
    if wanted == POSTGRESQL and find() is None:
        msg = f"{VARIABLE} is {POSTGRESQL}, but {MISSING}"
        raise SettingsError(msg)
    return wanted or (SQLITE if find() is None else POSTGRESQL)


@contextmanager
def _on_sqlite(component: Made, prepare: Prepare, folder: Path) -> Iterator[Isolate[DatabaseSettings, Database]]:
    """Each test gets a copy of the file, which is quicker than a transaction around it, and has no limits."""
    template, numbers = folder / f"{TEMPLATE}.sqlite3", count(1)
    prepare(f"sqlite:///{template}")

    @contextmanager
    def isolate(_: bool) -> Iterator[Isolated[DatabaseSettings, Database]]:  # noqa: FBT001 - the type of `Isolate`
        copy = folder / f"test_{next(numbers)}.sqlite3"
        if template.exists():  # a service without tables has made none
            shutil.copyfile(template, copy)
        try:
            yield Isolated(component.open, _variables(f"sqlite:///{copy}"))
        finally:
            for file in folder.glob(f"{copy.name}*"):  # with those of its log
                file.unlink()

    yield isolate


@contextmanager
def _on_postgresql(component: Made, prepare: Prepare, _: Path) -> Iterator[Isolate[DatabaseSettings, Database]]:
    """Tests share one database, on which each rolls back; a test with several processes gets a copy."""
    numbers = count(1)
    with PostgresqlServer() as server:
        prepare(server.create_database(TEMPLATE))
        shared = server.create_database(SHARED, template=TEMPLATE)

        @contextmanager
        def isolate(separate: bool) -> Iterator[Isolated[DatabaseSettings, Database]]:  # noqa: FBT001 - see above
            if not separate:
                yield Isolated(rolled_back(component.open), _variables(shared))
                return
            name = f"test_{next(numbers)}"
            url = server.create_database(name, template=TEMPLATE)
            try:
                yield Isolated(component.open, _variables(url))
            finally:
                server.drop_database(name)

        yield isolate


def _variables(url: str) -> Mapping[str, str]:
    return {"DATABASE_URL": url}


async def _migrated(component: Made, identity: Identity, url: str) -> None:
    """Apply the migrations of the service, if it has some."""
    settings = DatabaseSettings(url=SecretStr(url))
    async with component.open(Surroundings(settings, Settings(), {}, Lifecycle(), identity)) as database:
        if database.schema is not None:
            await migrate(database.primary, database.schema)
