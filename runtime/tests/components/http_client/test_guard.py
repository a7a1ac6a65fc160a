"""A client for URLs from outside connects to public addresses only, whatever a name resolves to."""

import asyncio
import ssl
import subprocess
from collections.abc import Collection, Iterator
from ipaddress import ip_network
from pathlib import Path

import httpx2
import pytest

from firstlight.components.http_client import HttpClientSettings, RefusedTargetError, guarded_transport
from firstlight.components.http_client.guard import GuardedTransport
from firstlight.security.targets import Resolve

from ...peers import Peer, answer

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A server on this machine."""
    with Peer(answer("200 OK", b"inside")) as peer:
        yield peer


def resolving(*answers: str) -> Resolve:
    """A resolver that gives one answer after the other, and then the last one."""
    left = list(answers)

    async def resolve(_: str, __: int) -> Collection[str]:
        return [left.pop(0) if len(left) > 1 else left[0]]

    return resolve


def get(url: str, transport: httpx2.AsyncBaseTransport, *, times: int = 1) -> httpx2.Response:
    """The response to the last of some requests."""

    async def calls() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=transport, follow_redirects=True) as client:
            for _ in range(times - 1):
                await client.get(url)
            return await client.get(url)

    return asyncio.run(calls())


def test_the_connection_goes_to_the_address_that_was_checked(peer: Peer) -> None:
    """`Host` is the name."""
    url = f"http://hook.example:{peer.port}/a"
    transport = GuardedTransport(httpx2.AsyncHTTPTransport(), LOOPBACK, resolving("127.0.0.1"))

    response = get(url, transport)

    assert (response.text, str(response.url)) == ("inside", url)
    assert f"host: hook.example:{peer.port}".encode() in peer.requests[0].lower()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{}/", "http://0x7f.1:{}/", "http://localhost:{}/", "http://[::1]:{}/"]
)
def test_this_machine_is_not_asked(peer: Peer, url: str) -> None:
    """Nothing is sent."""
    with pytest.raises(RefusedTargetError, match="must be a URL"):
        get(url.format(peer.port), guarded_transport(HttpClientSettings()))
    assert peer.connections == 0


def test_a_name_inside_the_network_is_not_asked(peer: Peer) -> None:
    """Its name says nothing, and its address does."""
    transport = GuardedTransport(httpx2.AsyncHTTPTransport(), resolve=resolving("127.0.0.1"))

    with pytest.raises(RefusedTargetError):
        get(f"http://hook.example:{peer.port}/", transport)
    assert peer.connections == 0


def test_a_name_that_is_bound_again_is_checked_again(peer: Peer) -> None:
    """DNS rebinding: the first answer is allowed, the second one leads to this machine."""
    allowed = [ip_network("127.0.0.1/32")]
    transport = GuardedTransport(httpx2.AsyncHTTPTransport(), allowed, resolving("127.0.0.1", "127.0.0.2"))

    with pytest.raises(RefusedTargetError):
        get(f"http://hook.example:{peer.port}/", transport, times=2)
    assert len(peer.requests) == 1


def test_a_redirect_is_checked() -> None:
    """To the address of a cloud's metadata."""
    with Peer(answer("302 Found", b"", "location: http://169.254.169.254/latest/")) as peer:
        transport = GuardedTransport(httpx2.AsyncHTTPTransport(), LOOPBACK, resolving("127.0.0.1"))
        with pytest.raises(RefusedTargetError, match="public address"):
            get(f"http://hook.example:{peer.port}/", transport)
        assert len(peer.requests) == 1


def test_a_name_that_does_not_resolve_is_an_error_of_the_connection() -> None:
    """As without the guard."""

    async def resolve(_: str, __: int) -> Collection[str]:
        msg = "no such name"
        raise OSError(msg)

    with pytest.raises(httpx2.ConnectError, match="no such name"):
        get("http://hook.example/", GuardedTransport(httpx2.AsyncHTTPTransport(), resolve=resolve))


def test_the_next_address_is_tried(peer: Peer) -> None:
    """As clients do that connect by name."""

    async def resolve(_: str, __: int) -> Collection[str]:
        return ["127.0.0.2", "127.0.0.1"]  # the peer listens on the second one

    transport = GuardedTransport(httpx2.AsyncHTTPTransport(), LOOPBACK, resolve)
    assert get(f"http://hook.example:{peer.port}/", transport).text == "inside"


def test_the_certificate_is_that_of_the_name(tmp_path: Path) -> None:
    """Not of the address."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=DNS:hook.example"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)  # noqa: S603 - a fixed command
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, key)
    trusted = ssl.create_default_context(cafile=str(certificate))

    with Peer(answer("200 OK", b"secure"), served) as peer:
        for name, expected in (("hook.example", "secure"), ("other.example", None)):
            transport = GuardedTransport(httpx2.AsyncHTTPTransport(verify=trusted), LOOPBACK, resolving("127.0.0.1"))
            if expected is None:
                with pytest.raises(httpx2.ConnectError, match=r"(?i)hostname"):
                    get(f"https://{name}:{peer.port}/", transport)
            else:
                assert get(f"https://{name}:{peer.port}/", transport).text == expected
