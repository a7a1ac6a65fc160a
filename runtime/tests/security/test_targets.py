"""URLs from clients: what may be stored, and what may be fetched."""

import asyncio
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic_core import Url

from firstlight import REGISTRY
from firstlight.security import FetchedUrl, StoredUrl, TargetError, targets
from firstlight.security.addresses import is_public, parsed

NORMAL = {
    "https://example.com": "https://example.com/",
    "HTTP://EXAMPLE.com:80/A/../b?x=%0d#f": "http://example.com/b?x=%0d#f",
    "http://2130706433/": "http://127.0.0.1/",
    "http://xn--bcher-kva.example/": "http://xn--bcher-kva.example/",
    "http://a_b.example/": "http://a_b.example/",
    "http://[2001:DB8::1]:8080/": "http://[2001:db8::1]:8080/",
    "http://a/?next=b@c": "http://a/?next=b@c",
}
NEVER = (
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://example.com/",
    "//example.com/",
    "/path",
    "",
    "http:example.com",
    "http:/example.com",
    "http:///example.com",
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://@example.com/",
    "http://:@example.com/",
    "http://example.com:0/",
    "http://example.com:99999/",
    "http://example.com:80:80/",
    "http://exa mple.com/",
    "http://example.com/\r\nSet-Cookie: a=b",
    "http://example.com/\t",
    "http://example.com/\0",
    "http://example.com\\@evil.example/",
    "http:\\\\example.com/",
    "http://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/",
    "http://\N{FULLWIDTH LATIN SMALL LETTER A}.example/",
    "http://xn--a/",
    "http://a..b/",
    "http://-a.example/",
    "http://a%00b/",
    "http://a%2fb/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 127 + "example/",
    "http://256.256.256.256/",
    "http://[::1%25eth0]/",
    "https://example.com/" + "a" * 2048,
)
INSIDE = (
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.0.0.1./",
    "http://%31%32%37.0.0.1/",
    "http://0/",
    "http://10.1.2.3/",
    "http://172.31.0.1/",
    "http://192.168.0.1:8080/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://localhost/",
    "http://localhost./",
    "http://api.localhost/",
    "http://redis:6379/",
    "http://printer.local/",
    "http://metadata.google.internal/",
    "http://example.com:22/",
    "http://example.com:25/",
)


def _refused() -> float:
    return REGISTRY.get_sample_value("security_events_total", {"event": "target_refused"}) or 0


@pytest.mark.parametrize(("url", "normal"), NORMAL.items())
def test_a_url_is_stored_in_its_normal_form(url: str, normal: str) -> None:
    """So that every client reads the same host in it."""
    assert targets.stored(url) == normal


@pytest.mark.parametrize("url", NEVER)
def test_a_url_that_clients_must_not_get_is_neither_stored_nor_fetched(url: str) -> None:
    """The sentence says what it must be, and repeats nothing."""
    for check in (targets.stored, targets.fetched):
        with pytest.raises(TargetError, match=r"^must be a URL") as refused:
            check(url)
        assert not url or url not in str(refused.value)


@pytest.mark.parametrize("url", INSIDE)
def test_a_url_inside_the_network_is_stored_and_not_fetched(url: str) -> None:
    """A browser may go there; the service must not. The refusal is counted."""
    before = _refused()

    assert targets.stored(url)
    with pytest.raises(TargetError):
        targets.fetched(url)
    assert _refused() == before + 1


def test_a_public_url_is_fetched_without_its_fragment() -> None:
    """Servers do not get the fragment."""
    assert targets.fetched("https://example.com:8443/a#b") == "https://example.com:8443/a"
    assert targets.fetched("https://[64:ff9b::808:808]/") == "https://[64:ff9b::808:808]/"


def test_networks_can_be_allowed() -> None:
    """For a service that calls others inside its network."""
    allowed = [ip_network("10.0.0.0/8")]

    assert targets.fetched("http://10.1.2.3/", allowed=allowed) == "http://10.1.2.3/"
    assert targets.fetched("http://[::ffff:10.1.2.3]/", allowed=allowed)
    with pytest.raises(TargetError):
        targets.fetched("http://127.0.0.1/", allowed=allowed)


def test_schemes_can_be_chosen() -> None:
    """The scheme is one of the list, in any letter case."""
    assert targets.stored("FTP://example.com/", schemes=("ftp",)) == "ftp://example.com/"
    with pytest.raises(TargetError, match=r"whose scheme is https$"):
        targets.stored("http://example.com/", schemes=("https",))


def test_a_field_has_the_type() -> None:
    """The model turns the refusal into an error of the field."""

    class Hook(BaseModel):
        page: StoredUrl
        callback: FetchedUrl

    assert Hook(page="http://10.0.0.1", callback="http://example.com").page == "http://10.0.0.1/"
    with pytest.raises(ValidationError, match="must be a URL with a public address"):
        Hook(page="http://10.0.0.1", callback="http://10.0.0.1")


def _resolved(*found: str) -> Collection[str]:
    async def resolve(_: str, __: int) -> Collection[str]:
        return found

    return [str(address) for address in asyncio.run(targets.addresses("hook.example", 443, resolve=resolve))]


def test_a_name_is_resolved_to_the_addresses_to_connect_to() -> None:
    """The caller connects to these, and does not resolve the name again."""
    assert _resolved("93.184.215.14", "2606:2800:21f::1") == ["93.184.215.14", "2606:2800:21f::1"]


@pytest.mark.parametrize("found", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["8.8.8.8", "fe80::1%eth0"], []])
def test_a_name_with_an_address_inside_the_network_is_refused(found: list[str]) -> None:
    """One such address among public ones is enough."""
    with pytest.raises(TargetError):
        _resolved(*found)


def test_an_address_is_not_resolved() -> None:
    """It is checked as it is."""
    assert asyncio.run(targets.addresses("[2606:2800:21f::1]", 443)) == [IPv6Address("2606:2800:21f::1")]
    with pytest.raises(TargetError):
        asyncio.run(targets.addresses("127.0.0.1", 443))


def test_the_resolver_of_the_system_is_the_default() -> None:
    """`localhost` is in every hosts file."""
    with pytest.raises(TargetError):
        asyncio.run(targets.addresses("localhost", 80))


@given(st.ip_addresses(v=4))
@example(IPv4Address("8.8.8.8"))
def test_an_address_means_the_same_in_every_form(address: IPv4Address) -> None:
    """Decimal, hexadecimal, octal, inside of IPv6: fetched if and only if the plain form is public."""
    number = int(address)
    high, low = number >> 16, number & 0xFFFF
    octal = ".".join(f"0{byte:o}" for byte in address.packed)
    forms = [
        str(address),
        str(number),
        f"0x{number:x}",
        octal,
        f"{address}.",
        f"[::ffff:{address}]",
        f"[64:ff9b::{high:x}:{low:x}]",
        f"[2002:{high:x}:{low:x}::1]",
    ]

    assert {_may_be_fetched(f"http://{form}/") for form in forms} == {is_public(address)}


def _may_be_fetched(url: str) -> bool:
    try:
        targets.fetched(url)
    except TargetError:
        return False
    return True


@given(st.ip_addresses())
def test_what_python_calls_private_is_not_public(address: IPv4Address | IPv6Address) -> None:
    """The tables are stricter than those of the standard library."""
    inside = any(getattr(address, kind, None) for kind in ("ipv4_mapped", "sixtofour"))  # counts instead
    if address.is_private or address.is_multicast or address.is_loopback or address.is_link_local:
        assert inside or not is_public(address)


@given(st.text(max_size=60) | st.text("ht:/?#@[].%\\0127af-", max_size=30).map(lambda rest: f"http://{rest}"))
def test_a_stored_url_is_its_own_normal_form(url: str) -> None:
    """Any text is refused with a sentence, or becomes a URL that does not change when it is parsed again."""
    try:
        normal = targets.stored(url)
    except TargetError as error:
        assert str(error).startswith("must be a URL")  # noqa: PT017 - it is not an error that must be raised
        return
    parts = Url(normal)
    assert targets.stored(normal) == normal
    assert (parts.scheme, parts.username, parts.password) == ("http", None, None)
    assert parts.host
    assert normal.isascii()
    assert normal.isprintable()


def test_a_zone_is_no_public_address() -> None:
    """It names an interface of this machine."""
    assert parsed("fe80::1%eth0") is None
    assert parsed("[::1]") == IPv6Address("::1")
