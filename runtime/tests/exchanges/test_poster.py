"""Exchanges: limits against every peer, a kept connection, proxies and TLS."""

import http.client
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from firstlight.exchanges.limited_socket import ResponseTooLargeError
from firstlight.exchanges.poster import BODY_BYTES, Poster
from firstlight.exchanges.route import trust

from ..peers import DRIPPING, Peer, answer, read_request, silent, then

SECONDS = 0.3
SLACK_SECONDS = 4.0  # for a busy machine; a peer that drips would take 10 s
FLOOD_BYTES = 196_000_000
MEMORY_BYTES = 2_000_000


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("behave", DRIPPING.values(), ids=DRIPPING.keys())
def test_the_time_limit_is_for_the_whole_exchange(behave: object) -> None:
    """Also when the peer sends a byte now and then."""
    with Peer(behave) as peer:  # type: ignore[arg-type]
        poster = Poster(peer.url, None)
        began = time.monotonic()
        with pytest.raises((OSError, http.client.HTTPException)):
            poster.post(b"body", {}, SECONDS)
        assert time.monotonic() - began < SECONDS + SLACK_SECONDS
        poster.close()


def test_the_time_limit_includes_sending() -> None:
    """The peer does not read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        poster = Poster(f"http://127.0.0.1:{listener.getsockname()[1]}/", None)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            poster.post(bytes(50_000_000), {}, SECONDS)
        assert time.monotonic() - began < SECONDS + SLACK_SECONDS
        poster.close()


FLOODS = {
    "a body of stated length": b"HTTP/1.1 400 Bad Request\r\ncontent-length: 196000000\r\n\r\n",
    "a body until the end": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("head", FLOODS.values(), ids=FLOODS.keys())
def test_a_large_body_is_not_read(head: bytes) -> None:
    """The status is returned, and the rest of the body is not read."""
    with Peer(then(head, lambda peer, connection: peer.flood(connection, FLOOD_BYTES))) as peer:
        poster = Poster(peer.url, None)
        tracemalloc.start()
        got = poster.post(b"body", {}, 5)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        poster.close()
    assert (got.status, len(got.body)) == (400, BODY_BYTES)
    assert peak < MEMORY_BYTES
    assert peer.sent < FLOOD_BYTES / 4  # what the sockets hold


@pytest.mark.parametrize("line", [b"x", b"x: y\r\n"], ids=["one line", "lines"])
def test_a_large_head_is_refused(line: bytes) -> None:
    """The head is part of the limit on the response."""
    flood = line * (FLOOD_BYTES // 50 // len(line))
    with Peer(then(b"HTTP/1.1 200 OK\r\n", lambda peer, connection: peer.send(connection, flood))) as peer:
        poster = Poster(peer.url, None)
        with pytest.raises((OSError, http.client.HTTPException)):
            poster.post(b"body", {}, 5)
        poster.close()


def test_interim_responses_without_end_are_refused() -> None:
    """They count for the limit on the response, so that they do not use CPU until the timeout."""
    flood = b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000
    with Peer(lambda peer, connection: peer.send(connection, flood)) as peer:
        poster = Poster(peer.url, None)
        with pytest.raises(ResponseTooLargeError):
            poster.post(b"body", {}, 30)
        poster.close()


def test_a_connection_is_kept_and_replaced_when_it_is_stale() -> None:
    """Two exchanges use one connection. The peer closes it, and the third opens another."""
    with Peer(answer("200 OK", b"{}")) as peer:
        poster = Poster(peer.url, None)
        for _ in range(2):
            assert poster.post(b"body", {"x-a": "b"}, 5).body == b"{}"
        assert peer.connections == 1
        peer.behave = then(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", lambda *_: None)
        assert poster.post(b"body", {}, 5).status == 200
        peer.behave = answer("200 OK")
        assert poster.post(b"body", {}, 5).status == 200
        assert peer.connections == 2
        poster.close()
    assert b"x-a: b" in peer.requests[0]
    assert peer.requests[0].endswith(b"\r\n\r\nbody")


def test_closing_ends_an_exchange_in_another_thread() -> None:
    """So that a stop does not wait for the exchange."""
    failed = threading.Event()
    with Peer(silent) as peer:
        poster = Poster(peer.url, None)

        def post() -> None:
            with pytest.raises((OSError, http.client.HTTPException)):
                poster.post(b"body", {}, 60)
            failed.set()

        thread = threading.Thread(target=post)
        thread.start()
        while not peer.requests:
            time.sleep(0.005)
        poster.close()
        assert failed.wait(5)
        thread.join()


def test_a_proxy_is_asked_with_the_whole_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard variables name the proxy, with user and password. `NO_PROXY` takes precedence."""
    with Peer(answer("200 OK")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:pa%40ss@127.0.0.1:{proxy.port}")
        poster = Poster("http://collector.example/v1/traces", None)
        assert poster.post(b"body", {}, 5).status == 200
        poster.close()
        assert proxy.requests[0].startswith(b"POST http://collector.example:80/v1/traces HTTP/1.1\r\n")
        assert b"Proxy-Authorization: Basic dXNlcjpwYUBzcw==" in proxy.requests[0]
        with Peer(answer("204 No Content")) as direct:
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            poster = Poster(direct.url, None)
            assert poster.post(b"body", {}, 5).status == 204
            poster.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-out", made, "-keyout", key], check=True, capture_output=True)  # noqa: S603 - made for the test
    return made, key


def server_of(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """A TLS server that requires a client certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate[0]))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*certificate)
    return context


def test_tls_checks_both_certificates(certificate: tuple[Path, Path]) -> None:
    """The client verifies that of the server and sends its own. The limits apply."""
    made, key = map(str, certificate)
    with Peer(answer("200 OK", b"{}"), server_of(certificate)) as peer:
        poster = Poster(peer.url, trust(made, made, key))
        assert [poster.post(b"body", {}, 5).status for _ in range(2)] == [200, 200]
        assert peer.connections == 1
        peer.behave = DRIPPING["body"]
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            poster.post(b"body", {}, SECONDS)
        assert time.monotonic() - began < SECONDS + SLACK_SECONDS
        poster.close()
        stranger = Poster(peer.url, trust())
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.post(b"body", {}, 5)


def test_tls_through_a_proxy(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy sees only host and port."""
    context = server_of(certificate)

    def tunnel(peer: Peer, connection: socket.socket) -> None:
        peer.send(connection, b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as secured:
            peer.requests.append(read_request(secured))
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with Peer(tunnel) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        poster = Poster("https://127.0.0.1:1/v1/traces", trust(*map(str, (certificate[0], *certificate))))
        assert poster.post(b"body", {}, 5).status == 204
        poster.close()
    assert proxy.requests[0].startswith(b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n")
    assert proxy.requests[1].startswith(b"POST /v1/traces HTTP/1.1\r\n")


def test_a_proxy_that_refuses_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the proxy's status."""
    with Peer(answer("403 Forbidden")) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        poster = Poster("https://collector.example/", trust())
        with pytest.raises(ConnectionError, match="403"):
            poster.post(b"body", {}, 5)
        poster.close()
