"""A service with a table, for tests of the pytest plug-in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from firstlight import Service
from firstlight.components.database import DATABASE, Read
from firstlight.components.database.testing import Factory, sequence

from ...faults import IDENTITY

PACKAGE = "noted"


class Base(DeclarativeBase):
    """The tables of the service."""


class Note(Base):
    """A note."""

    __tablename__ = "notes"

    slug: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]


NOTE = Factory(Note, slug=sequence("note-{}"), text="Remember the milk.")
NUMBER = Read(select(func.count().label("number")).select_from(Note.__table__))
TEXT = Read(select(Note.text).where(Note.slug == bindparam("slug")))


async def create(request: Request) -> PlainTextResponse:
    """Write a note in a transaction; a second one of the same name in a savepoint, which fails."""
    slug, database = request.path_params["slug"], DATABASE.of(request)
    async with database.transaction() as session:
        session.add(Note(slug=slug, text="new"))
        await session.flush()
        try:
            async with database.transaction() as inner:
                inner.add(Note(slug=slug, text="twice"))
        except IntegrityError:
            return PlainTextResponse("once", 201)
    raise AssertionError


async def fail(request: Request) -> PlainTextResponse:
    """Roll back."""
    async with DATABASE.of(request).transaction() as session:
        session.add(Note(slug="lost", text="lost"))
        await session.flush()
        raise ZeroDivisionError


async def retry(request: Request) -> PlainTextResponse:
    """Write by `retried`."""

    async def work(session: Any) -> int:
        session.add(Note(slug="retried", text="new"))
        return 7

    return PlainTextResponse(str(await DATABASE.of(request).retried(work)), 201)


async def count(request: Request) -> JSONResponse:
    """How many notes there are, and on which database."""
    database = DATABASE.of(request)
    row = await database.read_one(NUMBER)
    assert row is not None
    return JSONResponse([row[0], database.primary.url.database])


MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "v0001_notes"
down_revision = None


def upgrade() -> None:
    op.create_table("notes", sa.Column("slug", sa.String, primary_key=True), sa.Column("text", sa.String))
"""


PROGRAM = """
import sys

from firstlight import Identity, Service, main
from firstlight.components.database import DATABASE

OBJECTIVES = {"slo_availability": 0.999, "slo_latency": 0.99, "slo_latency_seconds": 0.25}
IDENTITY = Identity(name="noted", version="1", package="noted", defaults=OBJECTIVES)
sys.exit(main(Service(identity=IDENTITY, components=[DATABASE])))
"""


def write_package(folder: Path) -> None:
    """Write the package of the service, which starts as soon as the database has its schema."""
    migrations = folder / PACKAGE / "migrations"
    migrations.mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").touch()
    (folder / PACKAGE / "__main__.py").write_text(PROGRAM)
    (migrations / "v0001_notes.py").write_text(MIGRATION)


SERVICE = Service(
    identity=replace(IDENTITY, package=PACKAGE),
    components=[DATABASE],
    routes=[
        Route("/notes", count),
        Route("/fail", fail, methods=["POST"]),
        Route("/retry", retry, methods=["POST"]),
        Route("/notes/{slug}", create, methods=["POST"]),
    ],
)
