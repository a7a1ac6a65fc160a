"""The component that a service lists on its page, behind `SHARDED_DATABASE`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from firstlight import Background, Check, Command, Component, Surroundings
from firstlight.components.database import DATABASE, Database
from firstlight.components.database.addresses import is_local, parse
from firstlight.components.database.capacity_check import compare
from firstlight.components.database.failures import is_unavailable
from firstlight.components.database.schema import migrate, target_in, verify_schema
from firstlight.components.database.servers import Server

from .moving import copy_slots
from .router import Shards
from .slots import SLOTS, ShardsSettings, slots_in


@asynccontextmanager
async def open_shards(surroundings: Surroundings[ShardsSettings]) -> AsyncIterator[Shards]:
    """One database for each URL, with the limits and the TLS of `DATABASE_*`."""
    given, common = surroundings.settings, DATABASE.of(surroundings)
    if not given.urls:
        yield Shards({"all": common}, [common] * SLOTS)
        return
    async with AsyncExitStack() as stack:
        named = {}
        for name, url in given.urls.items():
            server = Server(f"shard_{name}", parse(url.get_secret_value()), common.settings, surroundings.identity.name)
            named[name] = Database(common.settings, server, schema=common.schema)
            stack.push_async_callback(named[name].close)
        owner = {slot: named[name] for text, name in given.slots.items() for slot in slots_in(text)}
        frozen = [slot for text in given.frozen for slot in slots_in(text)]
        yield Shards(named, [owner[slot] for slot in range(SLOTS)], frozen)


def checks(shards: Shards) -> Sequence[Check]:
    """One for each shard. None is critical: the keys of the other shards can still be served."""
    return [Check(f"shard_{name}", shard.ping) for name, shard in shards.named.items()]


async def compare_pools(surroundings: Surroundings[Any]) -> None:
    """Compare the pools of all instances with the connections that each shard has."""
    servers = [shard.primary for shard in SHARDS.of(surroundings).named.values()]
    await compare(servers, DATABASE.of(surroundings).settings)


async def have_schema(shards: Shards) -> None:
    """Raise `SchemaError` while a shard lacks a migration. A lost shard does not stop an instance from starting."""
    for shard in shards.named.values():
        try:
            if shard.schema is not None:
                await verify_schema(shard.primary.engine, shard.schema)
        except Exception as error:
            if not is_unavailable(error):
                raise


async def migrate_all(surroundings: Surroundings[Any], arguments: Sequence[str]) -> None:
    """The command `migrate`, for the database and then for each shard. The first failure stops it."""
    target = target_in(arguments)
    await DATABASE.commands["migrate"].run(surroundings, arguments)
    for shard in SHARDS.of(surroundings).named.values():
        is_meant = is_local(shard.primary.url) or not target.local  # `make run` leaves other machines alone
        if shard.schema is not None and is_meant:
            await migrate(shard.primary, shard.schema, target.revision)


async def run_copy_slots(surroundings: Surroundings[Any], arguments: Sequence[str]) -> None:
    """The command `copy_slots`."""
    await copy_slots(SHARDS.of(surroundings), arguments)


SHARDS = Component(
    name="shards",
    settings=ShardsSettings,
    open=open_shards,
    requires=("database",),
    checks=checks,
    ready_to_start=have_schema,
    background=(Background("shards.capacity", compare_pools),),
    commands={"copy_slots": Command(run_copy_slots, "Copy the rows of frozen slots to another shard: a c 64-127")},
)
SHARDED_DATABASE = replace(
    DATABASE, commands={**DATABASE.commands, "migrate": Command(migrate_all, "Migrate the database and every shard")}
)
