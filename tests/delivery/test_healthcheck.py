"""The image's health check, against anything that may answer it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import Generate

PROBES = ("/health/startup", "/health/live")


@pytest.fixture(scope="module")
def script(generate: Generate) -> Path:
    """The script of an emitted service."""
    return generate() / "deploy/image/healthcheck.py"


@contextmanager
def answering(**statuses: int) -> Iterator[int]:
    """Answer each probe with a status. Returns the port."""

    class Handler(BaseHTTPRequestHandler):
        """Knows the probes alone."""

        def do_GET(self) -> None:
            """Answer."""
            self.send_response_only(statuses.get(self.path.removeprefix("/health/"), 404))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def check(script: Path, port: int | str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it as the image does, but for the interpreter."""
    environment = {"HOST": "0.0.0.0", "MANAGEMENT_PORT": str(port), **variables}  # noqa: S104 - what the image says
    command = [sys.executable, "-I", str(script)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)


def test_200_from_startup_and_liveness_is_healthy(script: Path) -> None:
    """Whatever readiness answers, and without the proxies that the environment names."""
    with answering(startup=200, live=200, ready=503) as port:
        done = check(script, port, http_proxy="http://127.0.0.1:1")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("status", [204, 206, 302, 404, 429, 500, 503])
@pytest.mark.parametrize("probe", ["startup", "live"])
def test_anything_but_a_200_is_unhealthy(script: Path, probe: str, status: int) -> None:
    """Even another 2xx; the output names the probe."""
    with answering(**{"startup": 200, "live": 200, probe: status}) as port:
        done = check(script, port)
    assert (done.returncode, done.stderr) == (1, f"/health/{probe}: {status}\n")


@pytest.mark.parametrize("port", ["nonsense", "1"])
def test_no_answer_is_unhealthy(script: Path, port: str) -> None:
    """In one line, and not as a traceback."""
    done = check(script, port)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("/health/startup: ")
