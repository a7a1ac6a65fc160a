"""For the tests of a service that has a database: rows, and a limit of statements.

LINK = Factory(Link, slug=sequence("slug-{}"), url="https://example.com")

def test_one_statement_finds_a_link(client: TestClient, in_app: InApp) -> None:
    link = in_app(LINK.create, in_app.resource(DATABASE))
    with assert_max_queries(1):
        client.get(f"/r/{link.slug}")
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Generic, TypeVar

from .database import Database
from .statements import EXECUTED

ModelT = TypeVar("ModelT")
# What SQLAlchemy sends by itself, on some systems only.
TRANSACTIONS = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE)


@contextmanager
def assert_max_queries(most: int) -> Iterator[list[str]]:
    """Raise `AssertionError`, which lists them, if the block causes more than `most` statements.

    Requests that the block sends with `client` count, with all that they start; health checks do not, nor do `BEGIN`,
    `COMMIT` and savepoints. The block gets the list of the statements, which is complete after it.
    """
    texts: list[str] = []
    executed: list[str] = []
    token = EXECUTED.set((*EXECUTED.get(), texts))
    try:
        yield executed
    finally:
        EXECUTED.reset(token)
        executed.extend(text for text in texts if not TRANSACTIONS.match(text))
    if len(executed) > most:
        listed = "\n".join(f"{number}. {' '.join(text.split())}" for number, text in enumerate(executed, 1))
        msg = f"{len(executed)} statements, and at most {most} were expected:\n{listed}"
        raise AssertionError(msg)


def sequence(pattern: str, first: int = 1) -> Callable[[], str]:
    """A field with another value in each row: `sequence("slug-{}")` gives `slug-1`, `slug-2`, and so on."""
    numbers = count(first)
    return lambda: pattern.format(next(numbers))


class Factory(Generic[ModelT]):
    """Makes rows of a mapped class, so that a test names only the fields that matter to it."""

    def __init__(self, model: Callable[..., ModelT], **defaults: Any) -> None:
        """`defaults` are fields. A function is called for each row: `sequence(...)`, or `build` of another factory.

        A table without a class gets one: `class Link(Base): __table__ = links`. Raises `TypeError` for anything else.
        """
        if not hasattr(model, "__mapper__"):
            msg = (
                f"a factory makes rows of a mapped class, such as `class Row(Base): __table__ = ...`, not of {model!r}"
            )
            raise TypeError(msg)
        self._model, self._defaults = model, defaults

    def build(self, **fields: Any) -> ModelT:
        """A row that is not in the database. Raises `TypeError` for a field that the class does not have."""
        defaults = {name: value for name, value in self._defaults.items() if name not in fields}
        made = {name: value() if callable(value) else value for name, value in defaults.items()}
        return self._model(**made, **fields)

    async def create(self, database: Database, **fields: Any) -> ModelT:
        """A row in the database, in a transaction of its own or in the one that is open."""
        (row,) = await self.create_many(database, 1, **fields)
        return row

    async def create_many(self, database: Database, number: int, **fields: Any) -> list[ModelT]:
        """So many rows, in one transaction."""
        rows = [self.build(**fields) for _ in range(number)]
        async with database.transaction() as session:
            session.add_all(rows)
        return rows
