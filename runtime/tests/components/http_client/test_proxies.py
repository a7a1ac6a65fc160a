"""Calls go through the proxies of the environment, except to where NO_PROXY says and to this machine."""

import asyncio
import socket
from typing import Any

import httpx2
import pytest

from firstlight.components.http_client import HttpClientSettings
from firstlight.components.http_client.proxies import Proxies
from firstlight.errors import SettingsError
from firstlight.settings import load

from ...peers import Peer, answer, read_request
from .calling import NAME, opened

FINE = answer("200 OK", b"through the proxy")


def tunnel(peer: Peer, connection: socket.socket) -> None:
    """Answer CONNECT, and then behave as the server behind: it refuses the handshake."""
    peer.send(connection, b"HTTP/1.1 200 Connection established\r\n\r\n")
    read_request(connection)


async def _get(url: str) -> httpx2.Response:
    settings = load(HttpClientSettings, {"dependencies": {NAME: url}, "timeout_seconds": 2})
    async with opened(settings) as clients:
        return await clients[NAME].get("/v1/verdicts")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_call_goes_through_the_proxy(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy finds the dependency, whose name this machine does not know. It gets its own credentials only."""
    with Peer(FINE) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("//", "//user:hunter2@"))
        assert asyncio.run(_get("http://screening.example:8000")).text == "through the proxy"
        (request,) = proxy.requests
    assert request.startswith(b"GET http://screening.example:8000/v1/verdicts HTTP/1.1\r\n")
    assert b"proxy-authorization: basic dxnlcjpodw50zxiy" in request.lower()


def test_a_call_of_https_goes_through_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy sees the name and the port, nothing else."""
    with Peer(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.removeprefix("http://"))
        with pytest.raises(httpx2.TransportError):
            asyncio.run(_get("https://screening.example"))
        assert proxy.requests[0].startswith(b"CONNECT screening.example:443 HTTP/1.1\r\n")


def test_this_machine_is_called_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """As curl and Go do."""
    with Peer(FINE) as direct, Peer(FINE) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        asyncio.run(_get(direct.url))
        assert (len(direct.requests), len(proxy.requests)) == (1, 0)


@pytest.mark.parametrize(
    ("excluded", "url", "goes_through"),
    [
        ("", "http://screening.example", True),
        ("*", "http://screening.example", False),
        ("screening.example", "http://screening.example", False),
        (" Screening.Example ,", "http://screening.example", False),
        ("example", "http://screening.example", False),
        (".example", "http://screening.example", False),
        ("*.example", "http://screening.example", False),
        ("ning.example", "http://screening.example", True),
        ("screening.example:8000", "http://screening.example:8000", False),
        ("screening.example:8000", "http://screening.example", True),
        ("screening.example:80", "http://screening.example", False),
        ("10.0.0.0/8", "http://10.1.2.3", False),
        ("10.0.0.0/8", "http://11.1.2.3", True),
        ("10.1.2.3", "http://10.1.2.3:8000", False),
        ("fd00::/8", "http://[fd00::1]:8000", False),
        ("[fd00::1]:8000", "http://[fd00::1]:8000", False),
        ("", "http://localhost:8000", True),
        ("", "https://screening.example", True),
    ],
)
def test_no_proxy_names_what_is_called_directly(excluded: str, url: str, goes_through: bool) -> None:  # noqa: FBT001
    """Names with those below them, addresses and networks, each with or without a port."""
    proxies = Proxies({"http": "http://proxy.example:3128"}, excluded)
    expected = goes_through and not url.startswith(("https:", "http://localhost"))
    assert (proxies.proxy_of(httpx2.URL(url)) is not None) is expected


@pytest.mark.parametrize("value", ["socks5://proxy.example", "http:///pac", "http://proxy.example:port"])
def test_a_proxy_that_cannot_be_used_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one sentence, without the credentials that it may have."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(
        SettingsError, match="HTTPS_PROXY must be the URL of an HTTP proxy, such as http://proxy"
    ) as error:
        load(HttpClientSettings)
    assert value not in str(error.value)


def test_credentials_of_a_proxy_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the settings that are printed."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@proxy.example")
    settings: Any = load(HttpClientSettings)
    assert "hunter2" not in repr(settings)
