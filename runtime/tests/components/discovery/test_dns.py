"""Instances by DNS, asked of a real DNS server: SRV records, and the addresses of one name as Kubernetes gives them."""

import asyncio
from collections import Counter
from contextlib import suppress

import httpx2
import pytest

from firstlight.components.http_client import ExchangeTimeoutError, NoInstanceError

from ...peers import Peer, answer
from .backends import Backend, backends
from .opened import answered, captured, clients, instances, until, value
from .zone import zone

pytestmark = pytest.mark.anyio

NAME = "screening.default.svc.cluster.local."
SRV = f"_http._tcp.{NAME}"


async def test_srv_records_have_ports_and_weights() -> None:
    """`Host` is the name of the dependency, without service and protocol."""
    async with zone() as names, backends("127.0.0.1", "127.0.0.2") as (first, second):
        names.records = {
            (SRV, "SRV"): [f"0 3 {first.port} a.example.", f"0 1 {second.port} b.example."],
            ("a.example.", "A"): [first.host],
            ("b.example.", "A"): [second.host],
        }
        async with clients(f"srv://{SRV}?server={names.server}") as opened:
            seen = Counter([await answered(opened) for _ in range(8)])
        assert seen == {first.name: 6, second.name: 2}
        assert "host: screening.default.svc.cluster.local\r\n" in first.heads[0].lower()


async def test_a_higher_priority_number_waits_until_the_others_are_gone() -> None:
    """RFC 2782: it is the place to go when the first ones cannot be reached."""
    async with zone() as names, backends("127.0.0.1", "127.0.0.2") as (first, second):
        names.records = {
            (SRV, "SRV"): [f"1 1 {first.port} a.example.", f"2 9 {second.port} b.example."],
            ("a.example.", "A"): [first.host],
            ("b.example.", "A"): [second.host],
        }
        async with clients(f"srv://{SRV}?server={names.server}") as opened:
            assert {await answered(opened) for _ in range(5)} == {first.name}
            request = opened["scales"].build_request("GET", "/")
            assert [(await opened["scales"].send(request)).text for _ in range(2)] == [first.name, second.name]


async def test_pods_that_come_and_go_are_followed() -> None:
    """A headless service: the addresses of one name change while calls go on, and none fails."""
    async with zone() as names, backends("127.0.0.1") as (first,), Backend("127.0.0.2", first.port) as second:
        names.records = {(NAME, "A"): [first.host]}
        with captured() as lines:
            async with clients(f"dns://{NAME}:{first.port}?server={names.server}", discovery_seconds=1) as opened:
                assert await answered(opened) == first.name
                names.records = {(NAME, "A"): [second.host]}
                while await answered(opened) != second.name:
                    pass
                assert {await answered(opened) for _ in range(5)} == {second.name}
        (_, change) = lines.named("http_client.instances_changed")
        assert (change["added"], change["removed"], change["known"]) == ([second.name], [first.name], 1)


@pytest.mark.parametrize("fault", ["silent", "broken"])
async def test_instances_stay_known_while_dns_is_down(fault: str) -> None:
    """Calls go on to those that were known, one event says so, and the age of what is known rises."""
    async with zone() as names, backends("127.0.0.1") as (server,):
        names.records = {(NAME, "A"): [server.host]}
        with captured() as lines:
            async with clients(f"dns://{NAME}:{server.port}?server={names.server}", discovery_seconds=1) as opened:
                await answered(opened)
                setattr(names, fault, True)
                await until(lambda: lines.named("http_client.lookup_failed"))
                assert await answered(opened) == server.name
                assert value("http_client_instances_age_seconds") > 0
                setattr(names, fault, False)
                await until(lambda: lines.named("http_client.lookup_recovered"))
                assert value("http_client_instances_age_seconds") == 0
        assert len(lines.named("http_client.lookup_failed")) == 1
        assert lines.named("http_client.lookup_failed")[0]["known"] == 1


async def test_what_is_known_is_forgotten_when_it_is_too_old() -> None:
    """Addresses of Kubernetes get another owner. The call says why there is no instance."""
    async with zone() as names, backends("127.0.0.1") as (server,):
        names.records = {(NAME, "A"): [server.host]}
        address = f"dns://{NAME}:{server.port}?server={names.server}"
        with captured() as lines:
            async with clients(address, discovery_seconds=1, discovery_stale_seconds=1) as opened:
                await answered(opened)
                names.broken = True
                await until(lambda: lines.named("http_client.instances_forgotten"))
                with pytest.raises(NoInstanceError, match="the last answer is older than 1 s"):
                    await answered(opened)
                assert instances() == (0, 0)
                names.broken = False
                await until(lambda: instances() == (1, 0))
                assert await answered(opened) == server.name


async def test_the_age_grows_without_any_answer() -> None:
    """A restart while DNS is down must not end the alert. It is 0 again after the first answer."""
    async with zone() as names:
        names.broken = True
        async with clients(f"dns://{NAME}:1?server={names.server}", discovery_seconds=1):
            await until(lambda: value("http_client_instances_age_seconds") > 0)
            names.broken = False
            await until(lambda: value("http_client_instances_age_seconds") == 0)


async def test_the_first_call_waits_for_the_first_lookup_and_not_beyond_its_limit() -> None:
    """A server of names that does not answer costs a call its own time limit, and no more."""
    async with zone() as names:
        names.silent = True
        async with clients(f"dns://{NAME}:1?server={names.server}", timeout_seconds=0.05) as opened:
            began = asyncio.get_running_loop().time()
            with pytest.raises(ExchangeTimeoutError):
                await answered(opened)
            assert asyncio.get_running_loop().time() - began < 1


async def test_a_name_without_addresses_has_no_instance() -> None:
    """That is an answer, not an error: the call is refused at once, and the next lookup may find one."""
    async with zone() as names, backends("127.0.0.1") as (server,):
        with captured() as lines:
            async with clients(f"dns://{NAME}:{server.port}?server={names.server}", discovery_seconds=1) as opened:
                with pytest.raises(NoInstanceError, match="the last lookup found none"):
                    await answered(opened)
                names.records = {(NAME, "A"): [server.host]}
                await until(lambda: instances() == (1, 0))
                assert await answered(opened) == server.name
        assert lines.named("http_client.lookup_failed") == []


async def test_a_first_lookup_that_fails_is_repeated_soon() -> None:
    """A process that starts without DNS works when DNS does."""
    async with zone() as names, backends("127.0.0.1") as (server,):
        names.records, names.broken = {(NAME, "A"): [server.host]}, True
        async with clients(f"dns://{NAME}:{server.port}?server={names.server}") as opened:
            with pytest.raises(NoInstanceError, match="SERVFAIL"):
                await answered(opened)
            names.broken = False
            await until(lambda: instances() == (1, 0))
            assert await answered(opened) == server.name


async def test_calls_share_the_lookups() -> None:
    """A hundred calls at once, and a hundred after them, ask DNS once: two questions, A and AAAA."""
    async with zone() as names, backends("127.0.0.1") as (server,):
        names.records, names.ttl = {(NAME, "A"): [server.host]}, 60
        async with clients(f"dns://{NAME}:{server.port}?server={names.server}") as opened:
            for _ in range(2):
                await asyncio.gather(*(answered(opened) for _ in range(100)))
        assert names.queries == 2


async def test_a_target_of_an_srv_record_may_be_nowhere() -> None:
    """RFC 2782: a dot says that the service is not offered."""
    async with zone() as names:
        names.records = {(SRV, "SRV"): ["0 0 0 ."]}
        async with clients(f"srv://{SRV}?server={names.server}") as opened:
            with pytest.raises(NoInstanceError):
                await answered(opened)


@pytest.mark.parametrize(("excluded", "seen"), [("", 1), (".cluster.local", 0), ("192.0.2.0/24", 0)])
async def test_no_proxy_has_the_name_or_the_address(monkeypatch: pytest.MonkeyPatch, excluded: str, seen: int) -> None:
    """As without discovery: the name is what people write there. The proxy gets path and query."""
    with Peer(answer("200 OK", b"through the proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", excluded)
        async with zone() as names:
            names.records = {(NAME, "A"): ["192.0.2.1"]}  # which is nobody's
            address = f"dns://{NAME}:80?server={names.server}"
            async with clients(address, timeout_seconds=0.3) as opened:
                with suppress(httpx2.TransportError):
                    assert await answered(opened, "/a?b=c") == "through the proxy"
        assert len(proxy.requests) == seen
        assert all(request.startswith(b"GET http://192.0.2.1/a?b=c HTTP/1.1") for request in proxy.requests)
