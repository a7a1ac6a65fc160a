"""The client behind proxies: the nearest address that is none of ours, and only where a trusted proxy says so."""

import time
from ipaddress import ip_network

import pytest
from hypothesis import given, settings, strategies
from starlette.types import Scope

from firstlight.requests.arrival import PEER
from firstlight.requests.forwarded import Proxies

PROXIES = Proxies([ip_network(text) for text in ("10.0.0.0/8", "192.0.2.7", "fd00::/8")])
PEER_ADDRESS = ("10.0.0.1", 4711)
SECONDS = 0.5  # of CPU time for twelve heads; a pattern that goes back and forth takes minutes


def resolved(*headers: tuple[str, str], peer: tuple[str, int] | None = PEER_ADDRESS, kind: str = "http") -> Scope:
    """The scope of a request with these headers."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": kind, "client": peer, "scheme": "ws" if kind == "websocket" else "http", "headers": raw}
    PROXIES.resolve(scope)
    return scope


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9, 10.1.1.1,192.0.2.7", "203.0.113.9"),
        ("10.1.1.1, 10.1.1.2", "10.1.1.1"),
        ("203.0.113.9:5000", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:5000, fd00::2", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:203.0.113.9, ::ffff:10.0.0.3", "203.0.113.9"),
        ("203.0.113.9, unknown, 10.1.1.1", "10.1.1.1"),
        ("203.0.113.9, 10.1.1.1,", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("'; DROP TABLE--", "10.0.0.1"),
        ("999.1.1.1", "10.0.0.1"),
        ("\x85\xff", "10.0.0.1"),
        (",".join(["203.0.113.9"] + ["10.1.1.1"] * 100), "10.1.1.1"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy(value: str, client: str) -> None:
    """Counted from the right; what is no address ends the search."""
    scope = resolved(("x-forwarded-for", value))

    assert scope["client"][0] == client
    assert scope.get(PEER, PEER_ADDRESS) == PEER_ADDRESS


@pytest.mark.parametrize("peer", [("203.0.113.1", 80), ("testclient", 1), ("", 0), None])
def test_nobody_else_is_believed(peer: tuple[str, int] | None) -> None:
    """Neither an address that is not trusted, nor what is no address."""
    scope = resolved(("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), peer=peer)

    assert (scope["client"], scope["scheme"]) == (peer, "http")
    assert PEER not in scope


def test_without_proxies_nothing_is_read() -> None:
    """The default."""
    scope: Scope = {"type": "http", "client": ("127.0.0.1", 1), "scheme": "http"}  # no headers to look at
    Proxies(()).resolve(scope)

    assert scope["client"] == ("127.0.0.1", 1)


def test_lines_of_one_header_are_one_list() -> None:
    """A proxy may add a line instead of lengthening one."""
    scope = resolved(("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "10.1.1.1"))

    assert scope["client"][0] == "203.0.113.9"


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("http, https", "https"),
        ("wss", "https"),
        ("gopher", "http"),
        ("", "http"),
    ],
)
def test_the_scheme_is_what_the_nearest_proxy_says(value: str, scheme: str) -> None:
    """Whether or not it names the client as well."""
    assert resolved(("x-forwarded-proto", value))["scheme"] == scheme
    assert resolved(("x-forwarded-proto", value), ("x-forwarded-for", "1.2.3.4"))["scheme"] == scheme
    websocket = resolved(("x-forwarded-proto", value), kind="websocket")
    assert websocket["scheme"] == {"http": "ws", "https": "wss"}[scheme]


@pytest.mark.parametrize(
    ("value", "client", "scheme"),
    [
        ("for=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9", "https"),
        ('for=1.2.3.4, For="[2001:db8::1]:80"; Proto=HTTPS, for=10.1.1.1;proto=http', "2001:db8::1", "https"),
        ('for="1.2.3.4, for=9.9.9.9"', "10.0.0.1", "http"),
        ("for=_hidden", "10.0.0.1", "http"),
        ("proto=https", "10.0.0.1", "https"),
        ('for="unclosed', "10.0.0.1", "http"),
    ],
)
def test_forwarded_is_read_by_rfc_7239(value: str, client: str, scheme: str) -> None:
    """The scheme is that by which the client came."""
    scope = resolved(("forwarded", value))

    assert (scope["client"][0], scope["scheme"]) == (client, scheme)


def test_forwarded_does_not_count_beside_the_other() -> None:
    """A proxy that writes X-Forwarded-For passes on what a client wrote as Forwarded."""
    scope = resolved(("forwarded", "for=1.2.3.4;proto=https"), ("x-forwarded-for", "203.0.113.9"))

    assert (scope["client"][0], scope["scheme"]) == ("203.0.113.9", "http")


@given(
    name=strategies.sampled_from(["forwarded", "x-forwarded-for", "x-forwarded-proto"]),
    value=strategies.text(strategies.characters(codec="latin-1"), max_size=60)
    | strategies.from_regex(r'[for=prtohs:;,"\\\[\]0-9. ]{0,60}', fullmatch=True),
)
@settings(max_examples=200, deadline=None)
def test_no_header_is_an_error(name: str, value: str) -> None:
    """Whatever a client writes, there is a client with an address."""
    scope = resolved((name, value))

    assert scope["scheme"] in {"http", "https"}
    assert scope["client"][0]


def test_long_headers_cost_little() -> None:
    """As long as a head may be."""
    began = time.thread_time()
    for value in ('for="' + "\\" * 65_000, "for=," * 13_000, '"' * 65_000, 'for="a' * 10_000):
        resolved(("forwarded", value))
        resolved(("x-forwarded-for", value))
        resolved(("x-forwarded-proto", value))
    assert time.thread_time() - began < SECONDS
