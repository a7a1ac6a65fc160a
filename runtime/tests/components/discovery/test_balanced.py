"""Calls of a dependency with several servers: balanced, moved away from bad ones, and back without a restart."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx2
import pytest

from firstlight.components.http_client import Dependency, ExchangeTimeoutError, Retries
from firstlight.components.http_client.discovery import AFFINITY, TRIED, Ejection
from firstlight.testing.lines import Lines

from .backends import Backend, backends
from .opened import answered, captured, clients, instances, until, value

pytestmark = pytest.mark.anyio

PATIENT = Dependency(
    "scales",
    connect_seconds=0.5,
    read_seconds=0.1,
    retries=Retries(first_seconds=0.01),
    ejection=Ejection(failures=3, first_seconds=0.05),
)


def _listed(servers: list[Backend]) -> str:
    return "|".join(server.url for server in servers)


async def test_listed_urls_share_the_calls() -> None:
    """In proportion to their weights. `Host` is that of each server."""
    async with backends("127.0.0.1", "127.0.0.2") as (first, second):
        async with clients(f"3*{first.url}|{second.url}") as opened:
            seen = Counter([await answered(opened) for _ in range(8)])
        assert seen == {first.name: 6, second.name: 2}
        assert instances() == (2, 0)
        assert all(f"host: {server.name}\r\n" in head.lower() for server in (first, second) for head in server.heads)


async def test_a_request_that_is_sent_again_goes_to_another_instance() -> None:
    """As long as there is one, also if its key has a home. The URL of the response stays that of the dependency."""
    async with (
        backends("127.0.0.1", "127.0.0.2", "127.0.0.3") as servers,
        clients(_listed(servers), balancing="hash") as opened,
    ):
        client = opened["scales"]
        request = client.build_request("GET", "/a/b?c=%20d", extensions={AFFINITY: "a"})
        texts = []
        for _ in range(4):
            response = await client.send(request)
            texts.append(response.text)
        assert len(set(texts[:3])) == 3
        assert texts[3] == texts[0]
        assert response.url == f"{servers[0].url}/a/b?c=%20d"
        assert {head.partition("\r")[0] for server in servers for head in server.heads} == {
            "GET /a/b?c=%20d HTTP/1.1",
        }


async def test_a_redirect_is_a_new_request() -> None:
    """It inherits the extensions of the one before it, but not its tries. One to an instance goes to that one."""
    async with (
        backends("127.0.0.1", "127.0.0.2") as (first, second),
        clients(_listed([first, second])) as opened,
    ):
        extensions = {TRIED: (httpx2.URL("http://elsewhere/"), (first.name,))}
        assert {await answered(opened, extensions=extensions) for _ in range(2)} == {first.name, second.name}
        assert {await answered(opened, f"{second.url}/elsewhere") for _ in range(3)} == {second.name}


async def test_a_key_stays_on_one_instance() -> None:
    """With the algorithm `hash`, also when another instance leaves."""
    async with backends("127.0.0.1", "127.0.0.2", "127.0.0.3") as servers:
        async with clients(_listed(servers), balancing="hash") as opened:
            homes = {key: await answered(opened, extensions={AFFINITY: key}) for key in "abcdefgh"}
        async with clients(_listed(servers[:2]), balancing="hash") as opened:
            later = {key: await answered(opened, extensions={AFFINITY: key}) for key in "abcdefgh"}
        assert {key for key in homes if homes[key] != later[key]} == {
            key for key in homes if homes[key] == servers[2].name
        }


async def test_least_connections_avoids_a_slow_instance() -> None:
    """While its answer is awaited, others get the calls."""
    async with (
        backends("127.0.0.1", "127.0.0.2") as (slow, quick),
        clients(_listed([slow, quick]), balancing="least_connections") as opened,
    ):
        slow.release.clear()
        waiting = [asyncio.create_task(answered(opened)) for _ in range(2)]  # one of them waits
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert {await answered(opened) for _ in range(5)} == {quick.name}
        slow.release.set()
        assert {*await asyncio.gather(*waiting)} == {slow.name, quick.name}


@pytest.mark.parametrize("fault", ["killed", "slow", "answers 503"])
async def test_no_call_fails_and_a_bad_instance_is_ejected_and_returns(fault: str) -> None:
    """Of three servers, one goes bad while four callers call. It returns when it has recovered, without a restart."""
    async with backends("127.0.0.1", "127.0.0.2", "127.0.0.3") as servers, calling(_listed(servers)) as (done, lines):
        bad = servers[1]
        await until(lambda: len(done) > 20)
        break_(bad, fault)
        await until(lambda: instances() == (2, 1))
        seen = len(done)
        await until(lambda: len(done) > seen + 50)
        await recover(bad, fault)
        await until(lambda: instances() == (3, 0))
        seen = len(done)
        await until(lambda: bad.name in {name for _, name in done[seen:]})
    assert {status for status, _ in done} == {200}
    (first, *_) = lines.named("http_client.instance_ejected")
    assert (first["instance"], first["reason"], first["seconds"]) == (bad.name, "consecutive_failures", 0.05)
    (returned,) = lines.named("http_client.instance_returned")
    assert (returned["instance"], returned["reason"]) == (bad.name, "its trial succeeded")


@asynccontextmanager
async def calling(address: str) -> AsyncIterator[tuple[list[tuple[int, str]], Lines]]:
    """Four callers that call without a pause: what they got so far, and the log lines."""
    done: list[tuple[int, str]] = []
    ended = asyncio.Event()

    async def caller(client: httpx2.AsyncClient) -> None:
        while not ended.is_set():
            response = await client.get("/")
            done.append((response.status_code, response.text))

    with captured() as lines:
        async with clients(address, PATIENT) as opened:
            tasks = [asyncio.create_task(caller(opened["scales"])) for _ in range(4)]
            yield done, lines
            ended.set()
            await asyncio.gather(*tasks)


def break_(server: Backend, fault: str) -> None:
    """Make a server bad."""
    if fault == "killed":
        server.kill()
    elif fault == "slow":
        server.release.clear()
    else:
        server.status = 503


async def recover(server: Backend, fault: str) -> None:
    """Make it good again."""
    server.status = 200
    server.release.set()
    if fault == "killed":
        await server.start()


async def test_the_time_limit_of_a_call_counts_against_its_instance() -> None:
    """Five calls that were not answered in time eject it; the others are not affected."""
    async with (
        backends("127.0.0.1", "127.0.0.2") as (slow, quick),
        clients(_listed([slow, quick]), timeout_seconds=0.2) as opened,
    ):
        slow.release.clear()
        texts = []
        for _ in range(12):
            try:
                texts.append(await answered(opened))
            except ExchangeTimeoutError:
                texts.append("")
        assert texts.count("") == 5
        assert set(texts[-2:]) == {quick.name}
        assert instances() == (1, 1)


async def test_a_cancelled_call_says_nothing_about_its_instance() -> None:
    """Neither a client that went away, nor a timeout before the deadline of the attempt."""
    async with backends("127.0.0.1", "127.0.0.2") as servers, clients(_listed(servers)) as opened:
        for server in servers:
            server.release.clear()
        for _ in range(20):
            task = asyncio.create_task(answered(opened))
            await until(partial(_has_more, servers, sum(len(server.heads) for server in servers)))
            task.cancel()
            await asyncio.wait([task])
        assert instances() == (2, 0)


async def test_at_most_half_of_the_instances_are_ejected() -> None:
    """Three of three fail: one is ejected, and the calls go on to the others. A single one is never ejected."""
    async with backends("127.0.0.1", "127.0.0.2", "127.0.0.3") as servers:
        for server in servers:
            server.status = 500
        async with clients(_listed(servers)) as opened:
            before = value("http_client_ejections_total", reason="consecutive_failures")
            assert {(await opened["scales"].get("/")).status_code for _ in range(40)} == {500}
            assert instances() == (2, 1)
            assert value("http_client_ejections_total", reason="consecutive_failures") == before + 1
        async with clients(f"1*{servers[0].url}") as opened:
            assert {(await opened["scales"].get("/")).status_code for _ in range(10)} == {500}
            assert instances() == (1, 0)


def _has_more(servers: list[Backend], seen: int) -> bool:
    """Whether the servers have seen more requests than that."""
    return sum(len(server.heads) for server in servers) > seen
