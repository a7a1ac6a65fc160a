"""Servers that misbehave below HTTP: slow bytes, no response, a response without end, or no reading."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

from firstlight.testing.process import TIMEOUT_SECONDS

DRIP_SECONDS = 0.02
CHUNK = b"x" * 65_536


class Peer:
    """Listens on a free port and calls `behave` for each complete request, in one thread per connection."""

    def __init__(self, behave: Callable[["Peer", socket.socket], object], tls: ssl.SSLContext | None = None) -> None:
        """`behave` may send, wait for `ended`, or return for the next request."""
        self.behave = behave
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.sent = 0
        self.ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        """Listen."""
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every thread."""
        self.ended.set()
        for each in (self._listener, *self._open):
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(TIMEOUT_SECONDS)

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}"

    def send(self, connection: socket.socket, data: bytes) -> None:
        """Send and count. Raises `OSError` when the client has closed the connection."""
        connection.sendall(data)
        self.sent += len(data)

    def drip(self, connection: socket.socket, data: bytes) -> None:
        """Send `data` repeatedly, byte by byte, until the client closes or the test ends."""
        while not self.ended.is_set():
            for byte in data:
                self.send(connection, bytes([byte]))
                if self.ended.wait(DRIP_SECONDS):
                    return

    def flood(self, connection: socket.socket, most: int) -> None:
        """Send until the client closes, or until a limit in bytes."""
        while self.sent < most:
            self.send(connection, CHUNK)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT_SECONDS)
        with suppress(OSError), self._secured(connection) as secured:
            while request := read_request(secured):
                self.requests.append(request)
                self.behave(self, secured)

    @contextmanager
    def _secured(self, connection: socket.socket) -> Iterator[socket.socket]:
        with connection:
            if self.tls is None:
                yield connection
            else:
                with self.tls.wrap_socket(connection, server_side=True) as secured:
                    self._open.append(secured)
                    yield secured


def read_request(connection: socket.socket) -> bytes:
    """Head and body of one request, or nothing if the client has closed the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65_536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")), 0)
    while len(body) < length:
        if not (more := connection.recv(65_536)):
            return b""
        body += more
    return head + b"\r\n\r\n" + body


def answer(status: str, body: bytes = b"", *headers: str) -> Callable[[Peer, socket.socket], None]:
    """A behaviour that answers each request with these bytes."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]).encode()
    return lambda peer, connection: peer.send(connection, head + body)


def then(head: bytes, go_on: Callable[[Peer, socket.socket], object]) -> Callable[[Peer, socket.socket], None]:
    """Send `head`, then misbehave, then close."""

    def behave(peer: Peer, connection: socket.socket) -> None:
        peer.send(connection, head)
        go_on(peer, connection)
        connection.shutdown(socket.SHUT_RDWR)

    return behave


def silent(peer: Peer, _: socket.socket) -> None:
    """Never answer."""
    peer.ended.wait(TIMEOUT_SECONDS)


def wait_until(holds: Callable[[], object], seconds: float = TIMEOUT_SECONDS) -> None:
    """Call `condition` until it is true, or fail after a timeout."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{holds} did not become true in {seconds} s"
        time.sleep(0.005)


# How a server can hold or fill a client that waits for one response.
DRIPPING = {
    "head": lambda peer, connection: peer.drip(connection, b"HTTP/1.1 200 OK\r\nx: "),
    "header lines": then(b"HTTP/1.1 200 OK\r\n", lambda peer, connection: peer.drip(connection, b"x: y\r\n")),
    "interim responses": lambda peer, connection: peer.drip(connection, b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": then(b"HTTP/1.1 200 OK\r\n\r\n", lambda peer, connection: peer.drip(connection, b"x")),
    "chunks": then(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        lambda peer, connection: peer.drip(connection, b"1\r\nx\r\n"),
    ),
    "nothing": silent,
}
