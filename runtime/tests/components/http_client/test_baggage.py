"""Baggage leaves the service only where a dependency is declared to get it."""

import asyncio
from typing import Any

import pytest
from opentelemetry import baggage, context

from firstlight import Settings
from firstlight.traces.propagation import install

from ...peers import Peer, answer
from .calling import calling


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ((), ""),
        (("tenant",), "tenant=acme"),
        (("tenant", "absent"), "tenant=acme"),
        (("*",), "session=hunter2,tenant=acme"),
    ],
)
def test_a_dependency_gets_the_entries_that_it_is_declared_to_get(declared: Any, sent: str) -> None:
    """Whatever the team's code has copied from its own request."""
    install(Settings())

    async def run(peer: Peer) -> None:
        current = baggage.set_baggage("tenant", "acme", baggage.set_baggage("session", "hunter2"))
        token = context.attach(current)
        try:
            async with calling(peer, baggage=declared) as client:
                await client.get("/", headers={"baggage": "session=stolen"})
        finally:
            context.detach(token)

    with Peer(answer("200 OK")) as peer:
        asyncio.run(run(peer))
        lines = [line for line in peer.requests[0].split(b"\r\n") if line.lower().startswith(b"baggage:")]
    entries = [line.split(b":")[1].strip().decode() for line in lines]
    assert [",".join(sorted(entry.split(","))) for entry in entries] == ([sent] if sent else [])
