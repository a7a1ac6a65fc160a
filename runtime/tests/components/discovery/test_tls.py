"""Instances are found under addresses; the certificate must have the name of the dependency."""

import ssl
from pathlib import Path

import httpx2
import pytest

from ..database.certificates import Authority
from .backends import Backend
from .consul_agent import consul_agent
from .opened import answered, clients
from .zone import zone

pytestmark = pytest.mark.anyio


def _served(authority: Authority, folder: Path, names: str) -> ssl.SSLContext:
    folder.mkdir()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.sign(folder, names))
    return context


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """A CA that the clients trust."""
    made = Authority.create(tmp_path, "ca")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    return made


@pytest.mark.parametrize("kind", ["dns", "srv", "consul"])
async def test_the_certificate_has_the_name_of_the_dependency(authority: Authority, tmp_path: Path, kind: str) -> None:
    """One for the address only is refused, and one for the name only is accepted: DNS and Consul could lie."""
    named = _served(authority, tmp_path / "named", "DNS:screening.example")
    addressed = _served(authority, tmp_path / "addressed", "IP:127.0.0.2,DNS:other.example")
    async with (
        Backend("127.0.0.1", tls=named) as good,
        Backend("127.0.0.2", tls=addressed) as bad,
        zone() as names,
        consul_agent() as agent,
    ):
        for server in (good, bad):
            target = f"{server.host.replace('.', '-')}.example."
            names.records |= {
                (target, "A"): [server.host],
                ("screening.example.", "A"): [server.host],
                ("_https._tcp.screening.example.", "SRV"): [f"0 1 {server.port} {target}"],
            }
            agent.services.clear()
            agent.add(server.host, server.port)
            address = {
                "dns": f"dns://screening.example:{server.port}?scheme=https&server={names.server}",
                "srv": f"srv://_https._tcp.screening.example?scheme=https&server={names.server}",
                "consul": f"{agent.address}/screening?scheme=https&host=screening.example",
            }[kind]
            async with clients(address) as opened:
                if server is good:
                    assert await answered(opened) == good.name
                else:
                    with pytest.raises(httpx2.ConnectError, match="Hostname mismatch"):
                        await answered(opened)


async def test_listed_urls_have_certificates_of_their_own(authority: Authority, tmp_path: Path) -> None:
    """Each URL is a name of its own."""
    first, second = (_served(authority, tmp_path / host, f"IP:{host}") for host in ("127.0.0.1", "127.0.0.2"))
    async with (
        Backend("127.0.0.1", tls=first) as one,
        Backend("127.0.0.2", tls=second) as two,
        clients(f"{one.url}|{two.url}") as opened,
    ):
        assert {await answered(opened) for _ in range(4)} == {one.name, two.name}
