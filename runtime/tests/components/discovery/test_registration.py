"""A process registers with a stand-in for Consul, and leaves it: by a drain, by the end, and by `kill -9`."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import pytest

from firstlight import NoSettings, Settings, Surroundings
from firstlight.components.http_client.discovery.agent import Agent
from firstlight.components.http_client.discovery.options import Address
from firstlight.components.http_client.discovery.registration import Registered, Registration
from firstlight.lifecycle import Lifecycle
from firstlight.testing import ServiceProcess

from ...conftest import PROGRAMS
from ...faults import IDENTITY
from ...peers import Peer, answer
from ...ports import free_port
from .backends import Backend, backends
from .consul_agent import ConsulAgent, consul_agent
from .opened import answered, captured, clients, instances, until

pytestmark = pytest.mark.anyio
Serve = Callable[..., ServiceProcess]


async def _started(serve: Serve, agent: ConsulAgent, port: int, behind: Backend, drain_seconds: str) -> ServiceProcess:
    """A service that has registered as `screening`."""
    process = serve(
        str(PROGRAMS / "relay.py"),
        PORT=str(port),
        DRAIN_SECONDS=drain_seconds,
        HTTP_CLIENT_DEPENDENCIES=f"behind={behind.url}",
        HTTP_CLIENT_REGISTRATION=f"{agent.address}/screening?tag=blue",
    )
    await asyncio.to_thread(process.started)
    await asyncio.to_thread(process.wait_for, "http_client.registered")
    return process


async def test_a_drain_begins_with_the_deregistration(serve: Serve) -> None:
    """Callers are told while the instance still serves. Of their calls, none fails."""
    async with consul_agent() as agent, backends("127.0.0.1", "127.0.0.2") as (other, behind):
        process = await _started(serve, agent, free_port(), behind, "1")
        ((service_id, service),) = agent.services.items()
        assert (service["Status"], service["Tags"]) == ("critical", ["blue"])
        assert service["Check"]["HTTP"] == f"{process.management_url}/health/ready"
        await agent.run_checks(now=0)
        assert agent.services[service_id]["Status"] == "passing"

        agent.add(other.host, other.port)
        async with clients(f"{agent.address}/screening") as opened:
            assert {await answered(opened, "/items/a") for _ in range(4)} == {"a", other.name}
            process.process.send_signal(signal.SIGTERM)
            seen = {}
            while service_id in agent.services or instances() == (2, 0):
                response = await opened["scales"].get("/items/a")
                seen[response.status_code] = response.text
            assert seen.keys() == {200}
            assert (await asyncio.to_thread(process.get, "/items/a")).status_code == 200
            assert (await asyncio.to_thread(process.manage, "/health/ready")).status_code == 503
        assert await asyncio.to_thread(process.wait) == 0
        assert [line["event"] for line in process.lines if "regist" in line["event"]] == [
            "http_client.registered",
            "http_client.deregistered",
        ]


async def test_a_killed_process_gets_no_calls_and_is_removed(serve: Serve) -> None:
    """By Consul, a minute after its check began to fail; or it is replaced by the next process on its port.

    That one deregisters at its end, although it has no drain delay.
    """
    async with consul_agent() as agent, backends("127.0.0.2") as (behind,):
        port = free_port()
        process = await _started(serve, agent, port, behind, "0")
        await agent.run_checks(now=0)
        async with clients(f"{agent.address}/screening") as opened:
            assert await answered(opened, "/items/a") == "a"
            await asyncio.to_thread(process.close)
            await agent.run_checks(now=100)
            await until(lambda: instances() == (0, 0))

            before = dict(agent.services)
            agent.remove_critical(now=159)
            assert agent.services.keys() == before.keys()
            agent.remove_critical(now=160)
            assert agent.services == {}

            agent.services |= before
            process = await _started(serve, agent, port, behind, "0")
            await agent.run_checks(now=200)
            assert agent.services.keys() == before.keys()
            await until(lambda: instances() == (1, 0))
            assert await answered(opened, "/items/a") == "a"
        assert await asyncio.to_thread(process.terminate) == 0
        assert agent.services == {}


async def test_an_agent_that_was_down_or_lost_its_data_is_told_again() -> None:
    """One event for the time without it, and one for each registration."""
    body = {"ID": "links-1", "Name": "links", "Address": "", "Port": 1, "Tags": [], "Check": {"Name": "readiness"}}
    async with consul_agent() as agent:
        agent.fails = True
        drain = asyncio.create_task(asyncio.Event().wait())
        with captured() as lines:
            async with Agent(Address("127.0.0.1", agent.port)) as asked:
                registered = asyncio.create_task(
                    Registered(asked, body, look_seconds=0.01, retry_seconds=0.01).until(drain)
                )
                await until(lambda: lines.named("http_client.registration_failed"))
                agent.fails = False
                await until(lambda: agent.services)
                agent.services.clear()
                await until(lambda: len(lines.named("http_client.registered")) > 1)
                agent.kill()
                drain.cancel()
                await registered
        assert len(lines.named("http_client.registration_failed")) == 1
        assert len(lines.named("http_client.registered")) == 2
        assert len(lines.named("http_client.deregistration_failed")) == 1


async def test_a_server_that_is_no_agent_is_no_registration() -> None:
    """It answers each path with 404, as an agent answers a question about a service that it does not know."""
    body = {"ID": "links-1", "Name": "links"}
    drain = asyncio.create_task(asyncio.Event().wait())
    with Peer(answer("404 Not Found")) as peer, captured() as lines:
        async with Agent(Address("127.0.0.1", peer.port)) as asked:
            registered = asyncio.create_task(Registered(asked, body).until(drain))
            await until(lambda: lines.named("http_client.registration_failed"))
            drain.cancel()
            await registered
    assert lines.named("http_client.registered") == []
    assert "no agent of Consul: 404" in lines.named("http_client.registration_failed")[0]["reason"]


async def test_what_is_written_takes_the_place_of_what_is_known() -> None:
    """Address, port and check of a service behind a container's network."""
    text = "consul://agent:8500/links?address=10.0.1.5&port=81&check=http://10.0.1.5:9464/health/ready&tag=a&tag=b"
    body = Registration.parse(text).body(_surroundings())
    assert (body["Address"], body["Port"], body["Tags"]) == ("10.0.1.5", 81, ["a", "b"])
    assert body["Check"]["HTTP"] == "http://10.0.1.5:9464/health/ready"
    everywhere = Registration.parse("consul://agent/links").body(_surroundings(host="0.0.0.0"))  # noqa: S104
    assert (everywhere["Address"], everywhere["Port"]) == ("", 8000)
    assert everywhere["Check"]["HTTP"] == "http://127.0.0.1:0/health/ready"


def _surroundings(**settings: Any) -> Surroundings[NoSettings]:
    return Surroundings(NoSettings(), Settings(**settings), {}, Lifecycle(), IDENTITY)
