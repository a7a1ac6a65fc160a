"""Opens the discovery of one dependency: its lookups run beside the calls until it is closed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx2

from ....balancing import ALGORITHMS
from .agent import Agent
from .consul import ConsulHealth
from .ejection import Ejection
from .instance import Resolver
from .lookups import Lookups
from .members import Members
from .target import Target, parse
from .transport import BalancedTransport, Knowledge

Wrap = Callable[[httpx2.AsyncBaseTransport], httpx2.AsyncBaseTransport]


class Options(Protocol):
    """The settings of discovery."""

    @property
    def discovery_seconds(self) -> float:
        """The longest time between two lookups."""
        ...

    @property
    def discovery_stale_seconds(self) -> float:
        """The longest time for which instances are used while lookups fail."""
        ...

    @property
    def consul_token_file(self) -> Path | None:
        """A file with the token for Consul."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """How an instance is chosen for a call."""

    balancing: str
    """The algorithm."""
    ejection: Ejection
    """When an instance is not chosen."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """A dependency whose instances are being looked up."""

    url: str
    """The base URL of its client."""
    servers: Sequence[str]
    """The URLs that its client may call."""
    over: Wrap
    """The transport that sends through a pool, which it closes."""


@asynccontextmanager
async def discovered(dependency: str, address: str, options: Options, choice: Choice) -> AsyncIterator[Discovered]:
    """The instances at an address of HTTP_CLIENT_DEPENDENCIES. Raises `ValueError` if it is none.

    For a plain URL, `over` returns the pool itself.
    """
    target = parse(address)
    if target.kind == "url":
        yield Discovered(target.url, target.servers, lambda pool: pool)
        return
    members = Members(dependency, ALGORITHMS[choice.balancing](), choice.ejection)
    async with AsyncExitStack() as stack:
        knowledge = await _knowledge(stack, dependency, target, options, members)
        url = httpx2.URL(target.url)
        yield Discovered(target.url, target.servers, lambda pool: BalancedTransport(url, members, knowledge, pool))


async def _knowledge(
    stack: AsyncExitStack, dependency: str, target: Target, options: Options, members: Members
) -> Knowledge:
    if target.kind == "static":
        members.replace(target.instances)
        return Fixed()
    resolver = await _resolver(stack, target, options)
    lookups = Lookups(dependency, resolver, members, options.discovery_stale_seconds)
    task = asyncio.create_task(lookups.run(), name=f"lookups of {dependency}")
    stack.push_async_callback(_end, task)
    return lookups


async def _resolver(stack: AsyncExitStack, target: Target, options: Options) -> Resolver:
    if target.kind == "consul":
        agent = await stack.enter_async_context(Agent(target.address, options.consul_token_file))
        return ConsulHealth(target, agent, options.discovery_seconds)
    from .dns_records import DnsRecords  # noqa: PLC0415 - only a service that uses DNS needs it: 50 ms

    return DnsRecords(target, options.discovery_seconds)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


class Fixed:
    """Instances that are listed in the address."""

    reason = "no instance is known"

    async def known(self) -> None:
        """They are known from the start."""
