"""TLS with a real server: who is trusted, and what operators read when nobody is."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from firstlight.components.database import DatabaseUnavailableError, Read
from firstlight.components.database.addresses import parse
from firstlight.components.database.tls import Tls, mode
from firstlight.data_servers import Mode
from firstlight.errors import SettingsError
from firstlight.testing.postgresql import PostgresqlServer

from .certificates import Authority
from .databases import capture_logs, opened

pytestmark = pytest.mark.anyio

ENCRYPTED = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
MOMENT = Read(select(func.now()))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The CA of the server."""
    return Authority.create(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresqlServer]:
    """A server with TLS, whose certificate names 127.0.0.1."""
    certificate, key = authority.sign(tmp_path_factory.mktemp("server"), "IP:127.0.0.1")
    with PostgresqlServer(ssl="on", ssl_cert_file=certificate, ssl_key_file=key) as server:
        yield server


async def _is_encrypted(url: str, **settings: Any) -> bool:
    async with opened(url, **settings) as database, database.primary.engine.connect() as connection:
        return bool(await connection.scalar(ENCRYPTED))


async def _refused(url: str, **settings: Any) -> str:
    """The reason in the log when no connection is possible."""
    with capture_logs() as events, pytest.raises(DatabaseUnavailableError):
        async with opened(url, create=False, **settings) as database:
            await database.read(MOMENT)
    (reason,) = [event["reason"] for event in events if event["event"] == "database.call_failed"]
    return str(reason)


@pytest.mark.parametrize(("given", "encrypted"), [("encrypt", True), ("off", False), ("auto", False)])
async def test_the_mode_decides(server: PostgresqlServer, given: str, *, encrypted: bool) -> None:
    """Traffic to this machine is not encrypted unless someone says so."""
    assert await _is_encrypted(server.url(), tls=given) == encrypted


async def test_the_right_authority_is_trusted(server: PostgresqlServer, authority: Authority) -> None:
    """It is in the file, and not in the system."""
    assert await _is_encrypted(server.url(), tls="verify", tls_ca_file=authority.certificate)


async def test_another_authority_is_not(server: PostgresqlServer, tmp_path: Path) -> None:
    """Neither one in the file nor those of the system."""
    other = Authority.create(tmp_path, "other").certificate
    for given in ({"tls_ca_file": other}, {}):
        reason = await _refused(server.url(), tls="verify", **given)
        assert reason.startswith("The certificate of the database server is not trusted (")
        assert reason.endswith("DATABASE_TLS_CA_FILE names the file of its CA.")


async def test_a_certificate_for_another_name_is_refused(server: PostgresqlServer, authority: Authority) -> None:
    """Any other certificate of the CA is not that of the server."""
    url = server.url().replace("127.0.0.1", "localhost")
    reason = await _refused(url, tls="verify", tls_ca_file=authority.certificate)
    assert "Hostname mismatch, certificate is not valid for 'localhost'" in reason


@pytest.mark.parametrize("given", ["verify", "encrypt"])
async def test_a_server_without_tls_is_refused(postgresql_url: str, authority: Authority, given: str) -> None:
    """Nothing is sent to it unencrypted."""
    reason = await _refused(postgresql_url, tls=given, tls_ca_file=authority.certificate)
    assert reason == (
        "The database server does not accept TLS. Switch TLS on there; DATABASE_TLS=off connects without encryption."
    )


async def test_a_replaced_authority_is_used(server: PostgresqlServer, authority: Authority, tmp_path: Path) -> None:
    """CAs are rotated, too."""
    file = tmp_path / "ca.pem"
    file.write_bytes(Authority.create(tmp_path, "old").certificate.read_bytes())
    async with opened(server.url(), create=False, tls="verify", tls_ca_file=file) as database:
        with pytest.raises(DatabaseUnavailableError):
            await database.read(MOMENT)
        file.write_bytes(authority.certificate.read_bytes())
        assert await database.read(MOMENT)


@pytest.mark.parametrize(
    ("content", "reason"), [("no certificate", "it has none"), (None, "No such file or directory")]
)
def test_a_file_without_certificates_stops_the_start(tmp_path: Path, content: str | None, reason: str) -> None:
    """One sentence that names the variable."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=f"DATABASE_TLS_CA_FILE must be a readable file .*: {reason}"):
        Tls("verify", file)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://app@db.example/links", "verify"),
        ("postgresql://app@10.0.0.7/links", "verify"),
        ("postgresql://app@[2001:db8::1]/links", "verify"),
        ("postgresql://app@/links?host=db.example", "verify"),
        ("postgresql://app@localhost.example/links", "verify"),
        ("postgresql://app@localhost/links", "off"),
        ("postgresql://app@127.0.0.1:5433/links", "off"),
        ("postgresql://app@[::1]/links", "off"),
        ("postgresql://app@/links?host=/var/run/postgresql", "off"),
    ],
)
def test_remote_servers_are_verified_by_default(url: str, expected: Mode) -> None:
    """What leaves the machine is encrypted, and the server is known."""
    assert mode(parse(url), "auto") == expected
    assert mode(parse(url), "encrypt") == "encrypt"


@pytest.mark.parametrize("given", ["encrypt", "verify"])
def test_encryption_has_a_lowest_version(given: Mode) -> None:
    """TLS 1.2, with and without verification: Debian's Python sets none."""
    context = Tls(given).context(parse("postgresql://app@db.example/links"))
    assert context
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
