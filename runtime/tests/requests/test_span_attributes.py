"""The attributes of a request's span: none is made up, and what samplers may need is there at the start."""

from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Scope

from firstlight import Service, Settings
from firstlight.app import create_app
from firstlight.requests import target
from firstlight.requests.arrival import PEER
from firstlight.requests.span_attributes import started
from firstlight.testing.lines import Lines
from firstlight.traces.attributes import merged

from ..faults import IDENTITY, none

KNOWN = frozenset({"GET"})


def scope(**members: Any) -> Scope:
    """The least that a server may say."""
    return {"type": "http", "method": "GET", "path": "/a", "headers": [], **members}


def attributes(headers: dict[bytes, bytes] | None = None, **members: Any) -> dict[str, str | int | float]:
    """Those at the start."""
    return merged(started(scope(headers=list((headers or {}).items()), **members), KNOWN)[1])


def test_nothing_is_made_up() -> None:
    """Three attributes are required; the server says nothing else here."""
    assert attributes() == {"http.request.method": "GET", "url.path": "/a", "url.scheme": "http"}
    empty = attributes({b"host": b"", b"user-agent": b""}, query_string=b"", client=None, http_version="")
    assert empty == attributes()


@pytest.mark.parametrize(
    ("host", "scheme", "server"),
    [
        ("shop.example", "http", ("shop.example", 80)),
        ("shop.example", "https", ("shop.example", 443)),
        ("shop.example", "wss", ("shop.example", 443)),
        ("shop.example:8443", "https", ("shop.example", 8443)),
        ("192.0.2.1:80", "http", ("192.0.2.1", 80)),
        ("[2001:db8::1]:8080", "http", ("2001:db8::1", 8080)),
        ("[2001:db8::1]", "http", ("2001:db8::1", 80)),
        ("a:0", "http", None),
        ("a:65536", "http", None),
        ("a:b", "http", None),
        ("a b", "http", None),
        ("user@host", "http", None),
        ("a" * 256, "http", None),
        ("", "http", None),
    ],
)
def test_the_server_is_what_the_host_header_says(host: str, scheme: str, server: tuple[str, int] | None) -> None:
    """With the port of the scheme where it says none; both or nothing."""
    found = attributes({b"host": host.encode()}, scheme=scheme)
    assert (found.get("server.address"), found.get("server.port")) == (server or (None, None))


def test_a_long_host_is_not_remembered() -> None:
    """A cache is limited in number only."""
    for number in range(1000):
        attributes({b"host": b"%d" % number + b"x" * 60_000})
    assert target._server.cache_info().currsize <= 128  # noqa: SLF001 - its cache


def test_the_peer_is_not_the_client_behind_a_proxy() -> None:
    """A proxy says who the client is, the connection who the peer is."""
    members: dict[str, Any] = {"client": ("203.0.113.9", 0), PEER: ("192.0.2.1", 4711)}
    found = attributes(**members)
    assert found["client.address"] == "203.0.113.9"
    assert (found["network.peer.address"], found["network.peer.port"]) == ("192.0.2.1", 4711)
    alone = attributes(client=("203.0.113.9", 0))
    assert alone["network.peer.address"] == "203.0.113.9"
    assert "network.peer.port" not in alone


@pytest.mark.parametrize("method", ["PURGE", "get", "G" * 5000])
def test_an_unknown_method_is_kept_beside(method: str) -> None:
    """Cut, since a client may send any."""
    name, groups = started(scope(method=method), KNOWN)
    found = merged(groups)
    assert (name, found["http.request.method"]) == ("HTTP", "_OTHER")
    original = str(found["http.request.method_original"])
    assert original.startswith(method[:10])
    assert len(original) <= 64


class _AtStart(SpanProcessor):
    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, object]]] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del parent_context
        self.seen.append((span.name, dict(span.attributes or {})))


def test_a_sampler_could_decide_by_them(settings: Settings, lines: Lines) -> None:
    """They are there when the span starts."""
    processor = _AtStart()
    service = Service(identity=IDENTITY, routes=[Route("/none", none)])
    app = create_app(settings, service, log_sink=lines, span_processors=[processor])
    TestClient(app).get("/none?page=2", headers={"user-agent": "probe/1"})
    ((name, found),) = processor.seen
    assert name == "GET"
    assert found == {
        "http.request.method": "GET",
        "url.path": "/none",
        "url.query": "page=2",
        "url.scheme": "http",
        "server.address": "testserver",
        "server.port": 80,
        "network.protocol.version": "1.1",
        "user_agent.original": "probe/1",
    }
