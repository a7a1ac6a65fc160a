"""Standard output without a reader."""

import subprocess
from collections.abc import Callable
from concurrent.futures import Future

from .conftest import LINES, SHUTDOWN_SECONDS, Stuck, UnreadProcess, ask, metric, wait_until


def test_a_full_pipe_does_not_stop_the_service(stuck: Future[Stuck]) -> None:
    """Requests are answered, lines are dropped and counted, and the process ends in time."""
    seen = stuck.result()
    assert seen.dropped > LINES / 10
    assert seen.statuses == [200] * 10
    assert seen.dropped_after == 10
    assert seen.exit_status == 0
    assert seen.shutdown_seconds < SHUTDOWN_SECONDS


def test_a_broken_pipe_does_not_stop_the_service(launch: Callable[..., UnreadProcess]) -> None:
    """Requests are answered, lines are counted as dropped, and the exit status is 0."""
    service = launch(subprocess.PIPE, LOG_FORMAT="json")
    assert service.process.stdout is not None
    service.process.stdout.close()
    assert [ask(service.url, f"/faults/write?lines={lines}").status for lines in (1, 10, 100)] == [200] * 3
    dropped = {"name": "telemetry_dropped_total", "signal": "logs", "reason": "write_failed"}
    wait_until(lambda: metric(service.management_url, **dropped) >= 1 + 10 + 100 + 3)
    assert service.terminate() == 0
    assert service.process.stderr is not None
    assert service.process.stderr.read() == b""
