"""What clients send changes neither the number of series nor the time of a request."""

import pytest

from firstlight.testing import ServiceProcess

from .conftest import Wire, ask, metric, request
from .floods import cpu

PATHS = 2000
PIPELINED = 50
LONG = 4000  # the server takes 64 KiB and more
FOREIGN_VERBS = ("PROPFIND", "MKCOL", "LOCK", "REPORT", "PURGE", "SUBSCRIBE", "UNLINK", "NOTIFY", "BIND", "M-SEARCH")


def _series(running: ServiceProcess) -> int:
    body = ask(running.management_url, "/metrics").body
    return body.count(b"\nhttp_server_request_duration_seconds_count")


def test_series_do_not_grow_with_paths_and_methods(running: ServiceProcess) -> None:
    """Thousands of paths and a hundred methods use the series of the first."""
    with Wire(running.url) as wire:
        wire.send(request("/nowhere"), request("/nowhere", "PROPFIND"), request("/faults/missing/none"))
        assert [wire.receive().status for _ in range(3)] == [404, 404, 404]
        known = _series(running)
        for start in range(0, PATHS, PIPELINED):
            wire.send(*(request(f"/nowhere/{start + number}?x={number}") for number in range(PIPELINED)))
            assert {wire.receive().status for _ in range(PIPELINED)} == {404}
        for number in range(10):
            wire.send(*(request(f"/{number}", verb) for verb in FOREIGN_VERBS))
            assert {wire.receive().status for _ in FOREIGN_VERBS} == {404}
        wire.send(*(request(f"/faults/missing/{number}") for number in range(PIPELINED)))
        assert {wire.receive().status for _ in range(PIPELINED)} == {404}
    assert _series(running) == known
    others = metric(running.management_url, "http_server_request_duration_seconds_count", http_request_method="_OTHER")
    assert others >= 10 * len(FOREIGN_VERBS)


def test_invalid_methods_make_no_series(running: ServiceProcess) -> None:
    """The server refuses them before the application, and closes only their connection."""
    before = _series(running)
    for number in range(100):
        with Wire(running.url) as wire:
            wire.send(request("/", f"VERB{number}"))
            assert wire.receive().status == 400
    assert ask(running.url, "/faults/none").status == 200
    assert _series(running) <= before + 1


@pytest.mark.parametrize("repeated", ["a", "a.", "token", "https://a", "eyJa.", "bearer%20"])
def test_a_long_path_is_fast(running: ServiceProcess, repeated: str) -> None:
    """Redaction takes time in proportion to the length, not to its square."""
    path = f"/{repeated * (LONG // len(repeated))}=:@"
    before = cpu(running.process.pid)
    assert ask(running.url, path).status == 404
    assert ask(running.url, "/faults/none").status == 200
    assert cpu(running.process.pid) - before < 0.5
