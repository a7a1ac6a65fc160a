"""TLS with a real server: who is trusted, and what operators read when nobody is."""

from collections.abc import Iterator
from typing import Any

import pytest

from firstlight.components.cache.addresses import MUST, Address, parse
from firstlight.testing.redis import RedisProcess

from ..database.certificates import Authority
from ..database.databases import capture_logs
from .kept import LINKS, link, opened

PASSWORD = "p@ss"  # noqa: S105 - of a test
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The CA of the server."""
    return Authority.create(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A server with TLS, whose certificate names 127.0.0.1."""
    certificate = authority.sign(tmp_path_factory.mktemp("server"), "IP:127.0.0.1")
    with RedisProcess(certificate=certificate) as server:
        yield server


async def _works(url: str, **settings: Any) -> bool:
    async with opened(url, **settings) as caches:
        await caches.put(LINKS, "a", link("a"))
        return await caches.get(LINKS, "a") == link("a")


async def test_the_right_authority_is_trusted(server: RedisProcess, authority: Authority) -> None:
    """`rediss://` verifies by default, on this machine as well."""
    assert await _works(server.url(), redis_tls_ca_file=authority.certificate)


async def test_encrypt_trusts_anyone(server: RedisProcess) -> None:
    """It keeps out who listens."""
    assert await _works(server.url(), redis_tls="encrypt")


async def test_nobody_else_is_trusted(server: RedisProcess) -> None:
    """The event says what to set."""
    with capture_logs() as events:
        assert not await _works(server.url())
    (reason,) = [event["reason"] for event in events if event["event"] == "cache.server_lost"]
    assert reason.startswith("The certificate of the Redis server is not trusted (")
    assert reason.endswith("REDIS_TLS_CA_FILE names the file of its CA.")


@pytest.mark.parametrize(
    ("url", "address", "is_local"),
    [
        ("redis://localhost", Address("localhost", 6379, 0, encrypted=False), True),
        ("rediss://localhost/2", Address("localhost", 6379, 2, encrypted=True), False),
        ("redis://:p%40ss@r.example:7000/1", Address("r.example", 7000, 1, encrypted=False, password=PASSWORD), False),
        ("redis://app:p%40ss@[::1]", Address("::1", 6379, 0, encrypted=False, username="app", password=PASSWORD), True),
    ],
)
def test_an_address(url: str, address: Address, *, is_local: bool) -> None:
    """What is not this machine is verified by default. The password is in no text about it."""
    assert parse(url) == address
    assert parse(url).is_local == is_local
    assert PASSWORD not in repr(parse(url))


ODD = ["redis://a:0", "redis://a b", "redis://:%ff@a", "redis://a/\u0663", "redis://a/99999999999999999999"]


@pytest.mark.parametrize(
    "url", ["nonsense", "http://a", "redis://", "redis://a:x", "redis://a/b", "redis://a:99999", *ODD]
)
def test_no_address(url: str) -> None:
    """One sentence says what would be one."""
    with pytest.raises(ValueError, match="must be redis://user:password@host:6379/0") as refused:
        parse(url)
    assert str(refused.value) == MUST


def test_an_option_is_no_part_of_an_address() -> None:
    """It names the variables."""
    with pytest.raises(ValueError, match="must have no options; REDIS_TLS, REDIS_CONNECT_SECONDS"):
        parse("redis://a?ssl_cert_reqs=none")
