"""Instances by Consul, asked of a stand-in that follows the documented API."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from firstlight.components.http_client import NoInstanceError
from firstlight.components.http_client.discovery.agent import Agent
from firstlight.components.http_client.discovery.consul import ConsulHealth
from firstlight.components.http_client.discovery.instance import DiscoveryError
from firstlight.components.http_client.discovery.options import Address
from firstlight.components.http_client.discovery.target import parse

from ...peers import Peer, answer
from .backends import backends
from .consul_agent import consul_agent
from .opened import answered, captured, clients, instances, until, value

pytestmark = pytest.mark.anyio


async def test_passing_instances_share_the_calls_by_their_weights() -> None:
    """Those with a failed check, and those without the tag, get none. `Host` is the name of the service."""
    async with consul_agent() as agent, backends("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4") as servers:
        first, second, critical, other = servers
        agent.add(first.host, first.port, weight=3, tag="v2")
        agent.add(second.host, second.port, tag="v2")
        agent.add(critical.host, critical.port, status="critical", tag="v2")
        agent.add(other.host, other.port, tag="v1")
        async with clients(f"{agent.address}/screening?tag=v2") as opened:
            seen = Counter([await answered(opened) for _ in range(8)])
        assert seen == {first.name: 6, second.name: 2}
        assert "host: screening\r\n" in first.heads[0].lower()
        assert agent.queries[0] == {"passing": ["true"], "stale": ["true"], "tag": ["v2"]}


async def test_a_change_is_known_at_once() -> None:
    """By a blocking query: the second lookup waits for a change, for 30 s at most, and nothing is asked meanwhile."""
    async with consul_agent() as agent, backends("127.0.0.1", "127.0.0.2") as (first, second):
        agent.add(first.host, first.port)
        async with clients(f"{agent.address}/screening") as opened:
            assert await answered(opened) == first.name
            await until(lambda: agent.waiting)
            assert (agent.queries[1]["index"], agent.queries[1]["wait"]) == ([str(agent.index)], ["30s"])
            agent.add(second.host, second.port)
            await until(lambda: instances() == (2, 0))
            agent.mark(f"screening-{first.host}-{first.port}", "critical")
            await until(lambda: instances() == (1, 0))
            assert {await answered(opened) for _ in range(3)} == {second.name}
            assert len(agent.queries) <= 6


async def test_an_index_that_goes_backwards_is_given_up() -> None:
    """The servers of Consul were restored. With the old index, a change would never be seen."""
    async with consul_agent() as agent:
        agent.index = 900
        async with clients(f"{agent.address}/screening"):
            await until(lambda: agent.waiting)
            agent.change(index=3)
            await until(lambda: agent.waiting and len(agent.queries) >= 4)
            assert [query.get("index") for query in agent.queries[:4]] == [None, ["900"], None, ["3"]]


@pytest.mark.parametrize("fault", ["gone", "failing", "refusing"])
async def test_instances_stay_known_while_consul_is_down(fault: str) -> None:
    """Whether the agent is gone, has no cluster, or refuses the token. It is asked again, without an index."""
    async with consul_agent() as agent, backends("127.0.0.1") as (server,):
        agent.add(server.host, server.port)
        with captured() as lines:
            async with clients(f"{agent.address}/screening") as opened:
                await answered(opened)
                await until(lambda: agent.waiting)
                if fault == "gone":
                    agent.kill()
                agent.fails, agent.token = fault == "failing", "secret" if fault == "refusing" else ""
                agent.change()
                await until(lambda: lines.named("http_client.lookup_failed"))
                assert {await answered(opened) for _ in range(3)} == {server.name}
                if fault == "gone":
                    await agent.start()
                agent.fails, agent.token = False, ""
                await until(lambda: lines.named("http_client.lookup_recovered"))
        (failed,) = lines.named("http_client.lookup_failed")
        assert {"gone": "no answer", "failing": "500: No cluster", "refusing": "403: Permission"}[fault] in failed[
            "reason"
        ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{}", "Consul's answer is no list of services"),
        ("null", "Consul's answer is no list of services"),
        ("[{}]", "Consul's answer is no list of services"),
        ('[{"Service": {"Address": "a", "Port": 0}}]', "no instance with a host and a port, only such as 'a:0'"),
        ('[{"Service": {"Address": "a/b\\u0000", "Port": 1}}]', "no instance with a host and a port, only such as"),
        ('[{"Service": {"Address": "a", "Port": 1, "Weights": {"Passing": -1}}}]', "no instance with a host"),
    ],
)
async def test_an_answer_that_names_nobody_who_can_be_called_is_a_failed_lookup(body: str, reason: str) -> None:
    """What was known before stays in use."""
    with Peer(answer("200 OK", body.encode())) as peer:
        async with Agent(Address("127.0.0.1", peer.port)) as agent:
            with pytest.raises(DiscoveryError, match=reason):
                await ConsulHealth(parse("consul://agent/screening"), agent, 1).resolve()


async def test_an_instance_that_cannot_be_called_hides_no_other() -> None:
    """A service that was registered without a port has port 0."""
    async with consul_agent() as agent, backends("127.0.0.1") as (server,):
        agent.add("a", 0)
        agent.add(server.host, server.port)
        async with clients(f"{agent.address}/screening") as opened:
            assert {await answered(opened) for _ in range(3)} == {server.name}
        assert instances() == (1, 0)


async def test_an_answer_of_a_replica_is_as_old_as_it_says() -> None:
    """`X-Consul-LastContact` is part of the age."""
    async with consul_agent() as agent:
        agent.last_contact_milliseconds = 90_000
        async with clients(f"{agent.address}/screening"):
            await until(lambda: agent.waiting)
            assert value("http_client_instances_age_seconds") == 90


async def test_the_token_is_read_from_its_file_for_each_request(tmp_path: Path) -> None:
    """It may be replaced while the service runs. It is in no log line."""
    file = tmp_path / "token"
    file.write_text("t0ken-of-before\n")
    async with consul_agent() as agent, backends("127.0.0.1") as (server,):
        agent.token = "t0ken-of-now"  # noqa: S105 - of a stand-in
        agent.add(server.host, server.port)
        with captured() as lines:
            async with clients(f"{agent.address}/screening", consul_token_file=file) as opened:
                with pytest.raises(NoInstanceError, match="Consul answered 403: Permission denied"):
                    await answered(opened)
                file.write_text("t0ken-of-now\n")
                await until(lambda: instances() == (1, 0))
                file.unlink()
                agent.change()
                await until(lambda: len(lines.named("http_client.lookup_failed")) == 2)
        texts = b"".join(lines.raw)
        assert b"HTTP_CLIENT_CONSUL_TOKEN_FILE cannot be read: No such file or directory" in texts
        assert b"t0ken" not in texts


async def test_a_first_call_waits_for_the_agent_only_once() -> None:
    """An agent that cannot be reached is known to be so: the next calls fail at once, with the reason."""
    async with consul_agent() as agent:
        agent.kill()
        async with clients(f"{agent.address}/screening") as opened:
            results = await asyncio.gather(*(answered(opened) for _ in range(10)), return_exceptions=True)
        assert {type(result) for result in results} == {NoInstanceError}
        assert all("Consul gave no answer" in str(result) for result in results)
