"""The dependencies and the background work of a running service on its page, as its metrics count them."""

from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from firstlight.testing import ServiceProcess

from ..conftest import PROGRAMS
from .conftest import TOKEN, Caller


class _Behind(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with the status in the path."""
        self.send_response(int(self.path[1:]) if self.path[1:].isdigit() else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Write nothing."""


@pytest.fixture
def behind() -> Iterator[str]:
    """A dependency: the base URL of a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Behind) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_calls_and_failures_of_a_dependency_are_shown(behind: str) -> None:
    """With its check. A service that calls nobody has none; a redirect is no failure, 404 and 503 are.

    Each attempt is a call: the 503 is tried three times.
    """
    environment = {"CONSOLE": "true", "CONSOLE_TOKEN": TOKEN, "HTTP_CLIENT_DEPENDENCIES": f"behind={behind}"}
    with closing(ServiceProcess([str(PROGRAMS / "relay.py")], environment)) as process:
        process.started()
        console = Caller(int(process.management_url.rpartition(":")[2]))
        assert console.read("state")["dependencies"] == []
        for path in ("200", "200", "302", "404", "503"):
            assert process.get(f"/relay/{path}").text == path
        state = console.read("state")

    assert state["dependencies"] == [{"name": "behind", "calls": 7, "failed": 4}]
    assert "http_client.behind" in {check["name"] for check in state["checks"]}
