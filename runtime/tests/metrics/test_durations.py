"""What a scrape reads of counters and histograms of our own is what the library's would say."""

import os
import random
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from firstlight.metrics.counts import Counts
from firstlight.metrics.durations import Durations
from firstlight.metrics.instruments import LATENCY_BUCKETS_SECONDS

NAMES = ("method", "status")
LABELS = (("GET", "200"), ("POST", "201"), ("GET", 'a "quoted"\nroute\\'))
THREADS, EACH = 8, 5000


@pytest.fixture
def hurried() -> Iterator[None]:
    """Let threads interrupt each other everywhere."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def pages(registry: CollectorRegistry) -> tuple[bytes, bytes]:
    """Both formats of the page."""
    return generate_latest(registry), generate_openmetrics(registry)  # type: ignore[no-untyped-call]


def test_a_histogram_is_shown_as_the_library_s() -> None:
    """Buckets, sum, count, and the exemplar of each bucket, for durations at and between the ends of buckets."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations = Durations("took_seconds", "Time.", NAMES, buckets=LATENCY_BUCKETS_SECONDS, registry=ours)
    histogram = Histogram("took_seconds", "Time.", NAMES, buckets=LATENCY_BUCKETS_SECONDS, registry=theirs)
    values = [*LATENCY_BUCKETS_SECONDS, 0.0, 11.0, *(random.uniform(0, 12) for _ in range(200))]  # noqa: S311
    with patch("time.time", return_value=1.5):
        for number, value in enumerate(values):
            labels = LABELS[number % len(LABELS)]
            trace_id = f"{number:032x}" if number % 3 else ""
            durations.labels(*labels).observe(value, trace_id)
            histogram.labels(*labels).observe(value, {"trace_id": trace_id} if trace_id else None)
    assert pages(ours) == pages(theirs)


def test_counters_are_shown_as_the_library_s() -> None:
    """Those at zero as well."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counts, counter = Counts("things", "Things.", NAMES, ours), Counter("things", "Things.", NAMES, registry=theirs)
    for family in (counts, counter):
        family.labels("GET", "404")
        family.labels("GET", "200").inc()
        family.labels("GET", "200").inc(2.5)
    assert pages(ours) == pages(theirs)


def test_a_name_is_there_once() -> None:
    """As for every instrument."""
    registry = CollectorRegistry()
    Counts("things", "Things.", NAMES, registry)
    with pytest.raises(ValueError, match="things"):
        Counter("things", "Things.", registry=registry)


@pytest.mark.usefixtures("hurried")
def test_threads_lose_no_observation() -> None:
    """While another thread reads them."""
    registry = CollectorRegistry()
    durations = Durations("took_seconds", "Time.", NAMES, buckets=(0.5,), registry=registry)
    counts = Counts("things", "Things.", NAMES, registry)

    def observe(_: int) -> None:
        for number in range(EACH):
            durations.labels("GET", "200").observe(number % 2, "a")
            counts.labels("GET", "200").inc()
        registry.get_sample_value("took_seconds_sum", {"method": "GET", "status": "200"})

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(observe, range(THREADS)))
    labels = {"method": "GET", "status": "200"}
    assert registry.get_sample_value("took_seconds_count", labels) == THREADS * EACH
    assert registry.get_sample_value("took_seconds_sum", labels) == THREADS * EACH / 2
    assert registry.get_sample_value("took_seconds_bucket", {**labels, "le": "0.5"}) == THREADS * EACH / 2
    assert registry.get_sample_value("things_total", labels) == THREADS * EACH


def test_a_child_by_fork_goes_on_counting() -> None:
    """From its parent's counts, also where a thread of the parent held a lock at that moment."""
    durations = Durations("took_seconds", "Time.", NAMES, buckets=(0.5,), registry=None)
    counts = Counts("things", "Things.", NAMES, None)
    duration, count = durations.labels("GET", "200"), counts.labels("GET", "200")
    duration.observe(0.1)
    count.inc()
    with duration.lock, count.lock:
        child = os.fork()
        if child == 0:
            signal.alarm(5)  # instead of a wait for ever
            duration.observe(0.2)
            count.inc()
            os._exit(0 if duration.counts == [2, 0] and count.value == 2 else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert duration.counts == [1, 0]
