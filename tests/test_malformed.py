"""10,000 malformed requests change nothing: no failure of the service, no memory, no series, true log lines."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from emitted import get, serving
from malformed import requests
from template import TIMEOUT_SECONDS, Machine

REQUESTS, AT_ONCE = 10_000, 50
SEED = 20261127
MAX_GROWTH_MIB = 24
MAX_SERIES = 1000  # added by the second half: rare pairs of route and status, 18 series each
KEPT = {"RATE_LIMITS": "off", "HEAD_SECONDS": "5", "BODY_SECONDS": "5"}


def _statuses(port: int, sent: Sequence[bytes]) -> Counter[str]:
    """Send each on a connection of its own, end the sending, and read the response. No response counts as `none`."""
    connections = []
    for request in sent:
        connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        connections.append(connection)
    statuses = Counter(_status(connection) for connection in connections)
    for connection in connections:
        connection.close()
    return statuses


def _status(connection: socket.socket) -> str:
    received = b""
    end = time.monotonic() + TIMEOUT_SECONDS
    while len(received) < 12 and time.monotonic() < end:
        try:
            more = connection.recv(4096)
        except ConnectionResetError:
            break
        if not more:
            break
        received += more
    return received[9:12].decode("latin-1") if received else "none"


def _memory_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    return pages * 4096 / 2**20


def _series(port: int) -> int:
    page = get(port, "/metrics")[2]
    return sum(not line.startswith("#") for line in page.splitlines())


@pytest.mark.slow
def test_malformed_requests_change_nothing(
    machine: Machine, template: Path, record_property: Callable[[str, object], None]
) -> None:
    """Each is answered by a status below 500 or by the end of the connection; the service goes on as before."""
    directory = machine.cookiecutter(template).service
    assert machine.run(["uv", "sync", "--quiet"], directory).status == 0
    sent = list(requests(SEED, REQUESTS))
    with serving(machine, directory, ("-m",), **KEPT) as service:
        started = service.wait_for("service.started")
        port, management = started["port"], started["management_port"]
        statuses = _statuses(port, sent[: REQUESTS // 2])
        memory, series = _memory_mib(service.pid), _series(management)
        for first in range(REQUESTS // 2, REQUESTS, AT_ONCE):
            statuses += _statuses(port, sent[first : first + AT_ONCE])
        grown, added = _memory_mib(service.pid) - memory, _series(management) - series
        assert get(port, "/api/v1/links")[0] == 200
        service.drain()
        assert service.wait() == 0

    record_property("figure", f"{REQUESTS} malformed requests: {dict(statuses)}, {grown:+.1f} MiB, {added:+} series")
    assert {status for status in statuses if status >= "500" and status != "none"} == set(), statuses
    assert statuses["none"] < REQUESTS / 4, statuses
    assert [line for line in service.lines if line["level"] in {"error", "critical"}] == []
    assert grown < MAX_GROWTH_MIB
    assert added < MAX_SERIES
