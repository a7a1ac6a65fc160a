"""The emitted service as a running process: with the faults, one more objective, and the services it calls."""

import http.client
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from template import ROOT, TIMEOUT_SECONDS, Machine

DEPENDENCIES = {"fine": 200, "refusing": 404, "broken": 500}
PROGRAM = ROOT / "tests" / "orders.py"


class Service:
    """The running service and its log."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Read its log from now on."""
        self._process = process
        self._lines: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, event: str, **fields: object) -> dict[str, Any]:
        """Return the first line of this event with these fields, waiting for it if need be."""

        def found() -> dict[str, Any] | None:
            wanted = {"event": event, **fields}.items()
            return next((line for line in self._lines if wanted <= line.items()), None)

        with self._news:
            line = self._news.wait_for(found, TIMEOUT_SECONDS)
            assert line is not None, f"no {event} {fields}; the last lines: {self._lines[-5:]}"
        return line

    def drain(self) -> None:
        """Ask it to stop."""
        self._process.send_signal(signal.SIGTERM)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def lines(self) -> Sequence[dict[str, Any]]:
        """Its log so far."""
        return tuple(self._lines)

    def wait(self) -> int:
        """Wait for its end. Returns the exit status."""
        return self._process.wait(TIMEOUT_SECONDS)

    def stop(self) -> None:
        """Drain it, or kill it if it does not."""
        self.drain()
        try:
            self._process.wait(TIMEOUT_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for raw in lines:
                with self._news:
                    self._lines.append(json.loads(raw))
                    self._news.notify_all()


@contextmanager
def dependencies() -> Iterator[str]:
    """Play the services that the service calls; yields its setting."""

    class Handler(BaseHTTPRequestHandler):
        """Answer with the status that belongs to the path."""

        def do_GET(self) -> None:
            """Answer one call."""
            self.send_response(DEPENDENCIES[self.path.strip("/")])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield ",".join(f"{name}=http://127.0.0.1:{server.server_port}/{name}" for name in DEPENDENCIES)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving(
    machine: Machine, directory: Path, program: Sequence[str] = ("-P", str(PROGRAM)), **settings: str
) -> Iterator[Service]:
    """Run the service until it is no longer needed. `program` gets the name of its package as an argument."""
    (package,) = (path.name for path in (directory / "src").iterdir() if (path / "__main__.py").is_file())
    inherited = {name: value for name, value in machine.environment().items() if not name.startswith("OTEL_")}
    defaults = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}
    environment = inherited | defaults | settings | {"PYTHONPATH": str(ROOT)}
    python = str(directory / ".venv/bin/python")
    if (directory / "src" / package / "migrations").is_dir():  # as before a release
        migrate = [python, "-m", package, "migrate"]
        done = subprocess.run(migrate, cwd=directory, env=environment, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    process = subprocess.Popen([python, *program, package], cwd=directory, env=environment, stdout=subprocess.PIPE)
    service = Service(process)
    try:
        yield service
    finally:
        service.stop()


def get(port: int, path: str, accept: str = "*/*") -> tuple[int, str, str]:
    """Ask for one page: status, content type, text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"Accept": accept})
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read().decode()
    finally:
        connection.close()


def leave_in_mid_stream(port: int) -> None:
    """Close the connection while the answer is still coming."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as connection:
        connection.sendall(b"GET /faults/stream HTTP/1.1\r\nHost: service\r\n\r\n")
        received = b""
        while b"chunk\n" not in received:
            more = connection.recv(4096)
            assert more, received
            received += more


def drive(service: Service, port: int) -> None:
    """Send one request of each kind, and wait until all of them are recorded: the log line comes after the metric."""
    assert get(port, "/api/v1/links")[0] == 200
    assert get(port, "/nowhere")[0] == 404
    assert get(port, "/faults/fail")[0] == 500
    with pytest.raises(http.client.IncompleteRead):
        get(port, "/faults/stream?chunks=3")
    leave_in_mid_stream(port)
    for name in DEPENDENCIES:
        assert get(port, f"/orders/{name}")[0] == 200
    for route, error_type in (
        ("/api/v1/links", ""),
        ("unmatched", ""),
        ("/faults/fail", "RuntimeError"),
        ("/faults/stream", "RuntimeError"),
        ("/faults/stream", "client_disconnected"),
    ):
        service.wait_for("http.request_finished", http_route=route, error_type=error_type)
    for name in DEPENDENCIES:
        service.wait_for("health.check_changed", check=f"http_client.{name}")
