"""A blocked event loop: the management port answers and reports it."""

import itertools
import statistics
from concurrent.futures import Future

from .conftest import Blocked


def test_a_blocked_event_loop_is_reported_by_the_management_port(blocked: Future[Blocked]) -> None:
    """Liveness and readiness fail and recover. Metrics are served and show the lag."""
    seen = blocked.result()
    assert [status for status, _ in itertools.groupby(seen.probes, lambda probe: probe.status)] == [200, 503, 200]
    assert (seen.ready, seen.gauge) == (503, 0)
    assert seen.beats_later_than_5_seconds == 1


def test_the_management_port_answers_at_once_while_the_event_loop_cannot(blocked: Future[Blocked]) -> None:
    """Otherwise a probe with a timeout of 1 s would restart a busy service."""
    seconds = sorted(probe.seconds for probe in blocked.result().probes)
    assert len(seconds) > 20
    assert statistics.median(seconds) < 0.1
    assert seconds[int(len(seconds) * 0.9)] < 0.1  # the machine is shared, with the tests that run meanwhile as well
    assert seconds[-1] < 1  # what probes are given by default
