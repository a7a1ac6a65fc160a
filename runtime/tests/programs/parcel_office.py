"""A service whose writes take effect behind the requests, in the database if it has a URL of one, else in Redis."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel
from sqlalchemy import Column, Integer, MetaData, String, Table, insert
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from firstlight import Identity, Operation, Service, main
from firstlight.components.cache import CACHE
from firstlight.components.cache.write_behind import Command, write_behind
from firstlight.components.cache.write_behind.tables import write_behind_table
from firstlight.components.database import DATABASE

METADATA = MetaData()
write_behind_table(METADATA)
# Without a constraint: a write that took effect twice is there twice.
PARCELS = Table("parcels", METADATA, Column("id", Integer, primary_key=True), Column("name", String, nullable=False))
KEPT = "parcels"
EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class Parcel:
    """A write."""

    name: str


class NewParcel(BaseModel):
    """The body of a request."""

    name: str


async def keep(session: AsyncSession, parcels: Sequence[Parcel]) -> None:
    """Insert rows."""
    await session.execute(insert(PARCELS), [{"name": each.name} for each in parcels])


def commands(parcel: Parcel) -> Sequence[Command]:
    """Count it in a hash."""
    return [("HINCRBY", KEPT, parcel.name, 1)]


WRITES = write_behind("office", Parcel, to_database=keep, to_redis=commands, every_seconds=EVERY_SECONDS)


async def create(request: Request, body: NewParcel) -> Response:
    """Accept a parcel."""
    await WRITES.of(request).add(Parcel(body.name))
    return Response(status_code=201)


SERVICE = Service(
    identity=Identity(name="office", version="1"),
    components=[*([DATABASE] if os.environ.get("DATABASE_URL") else []), CACHE, WRITES],
    routes=[Operation(method="POST", path="/parcels", handler=create, body=NewParcel, answers={201: None})],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
