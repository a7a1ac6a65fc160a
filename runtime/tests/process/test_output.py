"""Standard output that nobody reads."""

import subprocess
from collections.abc import Callable
from concurrent.futures import Future

from .conftest import LINES, SHUTDOWN_SECONDS, Stuck, UnreadProcess, ask, metric, wait_until


def test_a_reader_that_stops_reading_stops_nothing(stuck: Future[Stuck]) -> None:
    """With the pipe full, requests are answered, lines are dropped and counted, and the service ends in time."""
    seen = stuck.result()
    assert seen.dropped > LINES / 10
    assert seen.statuses == [200] * 10
    assert seen.dropped_after == 10
    assert seen.exit_status == 0
    assert seen.shutdown_seconds < SHUTDOWN_SECONDS


def test_a_reader_that_has_gone_stops_nothing(launch: Callable[..., UnreadProcess]) -> None:
    """With the pipe broken, requests are answered, lines are counted as lost, and the exit status is still 0."""
    service = launch(subprocess.PIPE, LOG_FORMAT="json")
    assert service.process.stdout is not None
    service.process.stdout.close()
    assert [ask(service.url, f"/faults/write?lines={lines}").status for lines in (1, 10, 100)] == [200] * 3
    dropped = {"name": "telemetry_dropped_total", "signal": "logs", "reason": "write_failed"}
    wait_until(lambda: metric(service.management_url, **dropped) >= 1 + 10 + 100 + 3)
    assert service.terminate() == 0
    assert service.process.stderr is not None
    assert service.process.stderr.read() == b""
