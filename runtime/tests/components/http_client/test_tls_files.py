"""A dependency with a CA of its own that wants a certificate of its callers, and files that change."""

import asyncio
import shutil
import ssl
from pathlib import Path
from typing import Any

import httpx2
import pytest

from firstlight import Settings
from firstlight.components.http_client import HTTP_CLIENT, HttpClientSettings
from firstlight.errors import SettingsError
from firstlight.settings import load
from firstlight.testing.lines import Lines

from ...peers import Peer, answer
from ..database.certificates import Authority
from .calling import NAME, opened

FINE = answer("200 OK", b"fine")


class Files:
    """The files of a CA, of a server, and of a client."""

    def __init__(self, folder: Path) -> None:
        """Make them."""
        for name in ("server", "client", "other"):
            (folder / name).mkdir()
        self.authority = Authority.create(folder, "authority")
        self.server = self.authority.sign(folder / "server", "IP:127.0.0.1")
        self.certificate, self.key = self.authority.sign(folder / "client", "DNS:links")
        self.other = Authority.create(folder / "other", "other")

    @property
    def context(self) -> ssl.SSLContext:
        """That of a server which wants a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.server)
        context.load_verify_locations(self.authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def settings(self, peer: Peer, **files: Any) -> HttpClientSettings:
        """The settings of a client; a file that is None is not there."""
        chosen = {"ca_files": self.authority.certificate, "certificate_files": self.certificate, "key_files": self.key}
        named = {name: {NAME: file} for name, file in {**chosen, **files}.items() if file is not None}
        values: Any = {"dependencies": {NAME: peer.url}, "timeout_seconds": 2, **named}
        return HttpClientSettings(**values)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """One set for all tests."""
    return Files(tmp_path_factory.mktemp("certificates"))


async def _get(settings: HttpClientSettings) -> httpx2.Response:
    async with opened(settings) as clients:
        return await clients[NAME].get("/")


def test_both_sides_are_verified(files: Files) -> None:
    """By the CA in the file, which the system does not know."""
    with Peer(FINE, files.context) as peer:
        assert asyncio.run(_get(files.settings(peer))).text == "fine"


@pytest.mark.parametrize("missing", [{"ca_files": None}, {"certificate_files": None, "key_files": None}])
def test_without_one_of_the_files_nothing_is_called(files: Files, missing: dict[str, Any]) -> None:
    """The certificate of the server is not trusted, or it refuses a client without one."""
    with Peer(FINE, files.context) as peer, pytest.raises(httpx2.TransportError):
        asyncio.run(_get(files.settings(peer, **missing)))


def test_a_certificate_and_its_key_may_be_in_one_file(files: Files, tmp_path: Path) -> None:
    """As some issuers write them."""
    both = tmp_path / "both.pem"
    both.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    with Peer(FINE, files.context) as peer:
        assert asyncio.run(_get(files.settings(peer, certificate_files=both, key_files=None))).text == "fine"


def test_files_that_were_replaced_are_read_again(files: Files, tmp_path: Path, lines: Lines) -> None:
    """For new connections, without a restart. A file that is damaged changes nothing, and is told."""
    ca, certificate, key = (tmp_path / name for name in ("ca.pem", "client.pem", "client.key"))
    shutil.copy(files.other.certificate, ca)
    shutil.copy(files.certificate, certificate)
    shutil.copy(files.key, key)

    async def run(peer: Peer) -> None:
        settings = files.settings(peer, ca_files=ca, certificate_files=certificate, key_files=key)
        async with opened(settings) as clients:
            with pytest.raises(httpx2.ConnectError):
                await clients[NAME].get("/")
            shutil.copy(files.authority.certificate, ca)
            assert (await clients[NAME].get("/", headers={"connection": "close"})).text == "fine"
            certificate.write_text("damaged")
            assert (await clients[NAME].get("/")).text == "fine"

    closing = answer("200 OK", b"fine", "connection: close")
    with Peer(closing, files.context) as peer:
        asyncio.run(run(peer))
    (line,) = lines.named("http_client.certificate_refused")
    assert line["dependency"] == NAME


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"ca_files": "missing"}, "HTTP_CLIENT_CA_FILES must name a readable file with certificates in PEM for scales"),
        ({"ca_files": "key"}, "HTTP_CLIENT_CA_FILES must name a readable file .*: it has none"),
        (
            {"certificate_files": "missing"},
            "HTTP_CLIENT_CERTIFICATE_FILES and HTTP_CLIENT_KEY_FILES must name readable",
        ),
        ({"key_files": "other"}, "a certificate and its key, for scales, .*: they are no pair"),
        ({"certificate_files": None}, "HTTP_CLIENT_CERTIFICATE_FILES must have the certificate for scales"),
    ],
)
def test_files_that_cannot_be_used_stop_the_start(files: Files, given: dict[str, str | None], sentence: str) -> None:
    """With one sentence that names the variable."""
    named = {"missing": Path("/nowhere.pem"), "key": files.key, "other": files.other.key, None: None}
    with Peer(FINE) as peer:
        settings = files.settings(peer, **{name: named[file] for name, file in given.items()})
    with pytest.raises(SettingsError, match=sentence):
        HTTP_CLIENT.refuse(settings, Settings())


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("scales", "HTTP_CLIENT_CA_FILES must be a list of name=path"),
        ("scales=relative.pem", "HTTP_CLIENT_CA_FILES must be a list of name=path"),
        ("scales=/a,scales=/b", "HTTP_CLIENT_CA_FILES must name each dependency once"),
        ("printer=/a", "HTTP_CLIENT_CA_FILES names printer, which HTTP_CLIENT_DEPENDENCIES does not have"),
    ],
)
def test_files_of_nobody_stop_the_start(value: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error would leave a dependency without TLS of its own."""
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", "scales=https://scales.example")
    monkeypatch.setenv("HTTP_CLIENT_CA_FILES", value)
    with pytest.raises(SettingsError, match=sentence):
        HTTP_CLIENT.refuse(load(HttpClientSettings), Settings())
