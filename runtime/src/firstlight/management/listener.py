"""The management port: probes, details and metrics from a thread that answers while the event loop cannot."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import make_wsgi_app

from ..metrics.instruments import REGISTRY
from .health import PROBES, Health

POLL_SECONDS = 0.05  # how long `stop` may take
CLIENT_SECONDS = 10  # a client that says nothing for so long frees its thread

Page = Callable[[], tuple[bool, Mapping[str, Any]]]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int) -> None:
        """Bind to an address of either family."""
        self.address_family = _family(host)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Leave out the reverse look-up of the host's name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # clients of the last process may linger
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment] # typed as host names
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing when a client leaves or falls silent."""


class _Handler(WSGIRequestHandler):
    timeout = CLIENT_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Write nothing about probes and scrapes."""


class Listener:
    """A small WSGI server in a daemon thread."""

    def __init__(self, health: Health, host: str, port: int, details: Mapping[str, Any]) -> None:
        """Bind now, so that a port in use stops the start. Raises `OSError`. `details` are added to `/health`."""
        self._server = _Server(host, port)
        self._server.set_app(_app(health, details))
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(POLL_SECONDS,), name="management", daemon=True)
        self.port: int = self._server.server_port

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more, and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


def _family(host: str) -> socket.AddressFamily:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]


def _app(health: Health, details: Mapping[str, Any]) -> WSGIApplication:
    # Not compressed: CPU costs more than bandwidth inside a cluster.
    metrics: WSGIApplication = make_wsgi_app(REGISTRY, disable_compression=True)
    pages: dict[str, Page] = {path: _page(probe, health) for path, probe in PROBES.items()}
    pages["/health"] = lambda: (health.ready(), {**health.details(), **details})

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            rendered = metrics({**environ, "REQUEST_METHOD": "GET"}, start_response)
            return [b""] if environ["REQUEST_METHOD"] == "HEAD" else rendered
        page = pages.get(path)
        passes, document = page() if page else (False, {"paths": ["/metrics", *pages]})
        status = "404 Not Found" if page is None else "200 OK" if passes else "503 Service Unavailable"
        body = json.dumps(document).encode()
        start_response(
            status,
            [
                ("Content-Type", "application/health+json"),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
            ],
        )
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return app


def _page(probe: Callable[[Health], bool], health: Health) -> Page:
    def page() -> tuple[bool, Mapping[str, Any]]:
        passes = probe(health)
        return passes, {"status": "pass" if passes else "fail"}

    return page
