"""The latency of a request starts when it arrives at the machine, whatever the process does then."""

import os
import signal
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager

import pytest

from firstlight.metrics.instruments import LATENCY_BUCKETS_SECONDS
from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import FAULTS
from ..faults import SERVICE
from .conftest import Wire, in_flight, metric, request, samples, wait_until

SECONDS = 0.7
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when data arrived")


@pytest.fixture(scope="module")
def patient() -> Iterator[ServiceProcess]:
    """A service that sheds no load, so that requests may wait for any time."""
    with closing(ServiceProcess([str(FAULTS)], {"SHED_SECONDS": "0"}, without=variables(SERVICE))) as process:
        yield process.started()
        assert process.terminate() == 0
        assert process.error == ""


@contextmanager
def stopped(service: ServiceProcess) -> Iterator[None]:
    """Stop the process for some time, as if it got no CPU."""
    os.kill(service.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        yield
        wait_until(lambda: time.monotonic() - began > SECONDS)
    finally:
        os.kill(service.process.pid, signal.SIGCONT)


@contextmanager
def blocked(service: ServiceProcess) -> Iterator[None]:
    """Block the event loop for some time."""
    with ThreadPoolExecutor() as pool, Wire(service.url) as wire:
        wire.send(request(f"/faults/block?seconds={SECONDS}"))
        in_flight(service, 1)
        yield
        assert pool.submit(wire.receive).result().status == 200


def recorded(service: ServiceProcess) -> tuple[float, float]:
    """Sum and count of the histogram, for the route that answers at once."""
    name = "http_server_request_duration_seconds"
    of = {"http_route": "/faults/none"}
    return metric(service.management_url, f"{name}_sum", **of), metric(service.management_url, f"{name}_count", **of)


def bucket(seconds: float) -> int:
    """The number of the bucket of a duration."""
    return bisect_left(LATENCY_BUCKETS_SECONDS, seconds)


@pytest.mark.parametrize("hindrance", [stopped, blocked])
@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
def test_the_histogram_agrees_with_the_client(
    patient: ServiceProcess,
    hindrance: Callable[[ServiceProcess], AbstractContextManager[None]],
    kept: bool,  # noqa: FBT001 - a parameter
) -> None:
    """In the same bucket, for requests in the accept queue and on an open connection."""
    with ExitStack() as stack:
        wire = stack.enter_context(Wire(patient.url)) if kept else None
        if wire:
            wire.send(request("/faults/none"))
            wire.receive()
        in_flight(patient, 0)
        before = recorded(patient)
        with hindrance(patient):
            began = time.monotonic()
            wire = wire or stack.enter_context(Wire(patient.url))
            wire.send(request("/faults/none"))
        assert wire.receive().status == 200
        seen = time.monotonic() - began
    wait_until(lambda: recorded(patient)[1] == before[1] + 1)
    counted = recorded(patient)[0] - before[0]
    assert seen > SECONDS * 0.8
    assert abs(bucket(counted) - bucket(seen)) <= 1
    assert counted == pytest.approx(seen, abs=0.1)


def test_a_request_that_follows_quickly_is_not_taken_for_one_that_waited(patient: ServiceProcess) -> None:
    """For 200 requests to an idle loop, the recorded time is not above that of the client."""
    before, seen = recorded(patient), 0.0
    with Wire(patient.url) as wire:
        for _ in range(200):
            began = time.perf_counter()
            wire.send(request("/faults/none"))
            assert wire.receive().status == 200
            seen += time.perf_counter() - began
    wait_until(lambda: recorded(patient)[1] == before[1] + 200)
    assert recorded(patient)[0] - before[0] <= seen


def test_the_time_that_a_client_needs_for_its_head_is_not_counted(patient: ServiceProcess) -> None:
    """Nor that of earlier requests on the connection: clients could raise the latency of the service."""
    before = recorded(patient)
    with Wire(patient.url) as wire:
        head = request("/faults/none")
        wire.send(head[:20])
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > SECONDS)
        wire.send(head[20:])
        assert wire.receive().status == 200
        wire.send(request(f"/faults/slow?seconds={SECONDS}"), request("/faults/none"))
        assert [wire.receive().status, wire.receive().status] == [200, 200]
    wait_until(lambda: recorded(patient)[1] == before[1] + 2)
    assert recorded(patient)[0] - before[0] < SECONDS


def test_the_accept_queue_is_measured_while_the_loop_is_blocked(patient: ServiceProcess) -> None:
    """Its length and its limit."""
    with ExitStack() as stack, blocked(patient):
        for _ in range(20):
            stack.enter_context(Wire(patient.url))
        wait_until(lambda: metric(patient.management_url, "http_server_accept_queue_connections") >= 19)
        assert metric(patient.management_url, "http_server_accept_queue_max_connections") >= 100
    wait_until(lambda: metric(patient.management_url, "http_server_accept_queue_connections") == 0)
    assert samples(patient.management_url, "http_server_accept_queue_connections")
