"""A second service, which the service under test calls. It keeps all request heads and answers by path."""

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self

WAIT_SECONDS = 10.0


class Seen(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """All lines of one header."""
        return [value for header, value in self.headers if header.lower() == name]


class Behind(ThreadingHTTPServer):
    """Listens on a free port."""

    daemon_threads = True

    def __init__(self) -> None:
        """No request has arrived yet."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Seen] = []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.released.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def seen(self, path: str) -> list[Seen]:
        """The requests of one path."""
        return [each for each in self.requests if each.path == path]

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing when a client closes early."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Behind

    def _answer(self) -> None:
        self.server.requests.append(Seen(self.command, self.path, list(self.headers.items())))
        name = self.path.partition("?")[0].rpartition("/")[2]
        if name == "hang":
            self.server.released.wait(WAIT_SECONDS)
        self.send_response(int(name) if name.isdigit() else 302 if name == "redirect" else 200)
        if name == "redirect":
            self.send_header("Location", "/redirected")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_BREW = do_PURGE = _answer  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""
