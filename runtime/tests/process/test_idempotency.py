"""Idempotency keys of a running service: concurrent requests, clients that leave, deadlines and SIGTERM."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx2
import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import PROGRAMS, TIMEOUT_SECONDS
from ..faults import SERVICE
from .conftest import Wire, in_flight, metric, request, wait_until

CLIENTS = 10


class Keys(ServiceProcess):
    """The service, whose handlers wait at a gate."""

    def __init__(self) -> None:
        """Start it."""
        super().__init__([str(PROGRAMS / "keys.py")], {"GRACEFUL_SECONDS": "1"}, without=variables(SERVICE))

    def post(self, path: str, key: str) -> httpx2.Response:
        """Send a request with a key."""
        headers = {"Idempotency-Key": key}
        return httpx2.post(f"{self.url}{path}", content=b"{}", headers=headers, timeout=TIMEOUT_SECONDS)

    @property
    def calls(self) -> int:
        """How often a handler was called."""
        return int(self.get("/calls").json())

    def counted(self, outcome: str) -> float:
        """The counter of one outcome."""
        return metric(self.management_url, "idempotency_requests_total", outcome=outcome)


@pytest.fixture(scope="module")
def service_of_all() -> Iterator[Keys]:
    """One process for all tests that do not end it."""
    with closing(Keys()) as process:
        process.started()
        yield process
        process.get("/open")
        assert process.terminate() == 0


@pytest.fixture
def keys(service_of_all: Keys) -> Keys:
    """The process, whose handlers wait."""
    service_of_all.get("/close")
    return service_of_all


def test_concurrent_requests_with_one_key_run_once(keys: Keys) -> None:
    """One is answered by the handler, the others get 409 at once. Later ones get the stored response."""
    calls = keys.calls
    with ThreadPoolExecutor(CLIENTS) as pool:
        requests = [pool.submit(keys.post, "/wait", "concurrent") for _ in range(CLIENTS)]
        wait_until(lambda: sum(each.done() for each in requests) == CLIENTS - 1)
        keys.get("/open")
        responses = sorted((each.result() for each in requests), key=lambda response: response.status_code)

    assert [response.status_code for response in responses] == [201, *[409] * (CLIENTS - 1)]
    assert {response.headers["retry-after"] for response in responses[1:]} == {"1"}
    assert keys.calls == calls + 1
    again = keys.post("/wait", "concurrent")
    assert (again.status_code, again.content) == (201, responses[0].content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] != responses[0].headers["x-request-id"]


def test_a_client_that_leaves_finds_its_response(keys: Keys) -> None:
    """The handler runs to its end, and the response waits for the client's next attempt."""
    calls, stored = keys.calls, keys.counted("new")
    with Wire(keys.url) as wire:
        wire.send(request("/wait", "POST", idempotency_key="left", content_length="0"))
        in_flight(keys, 1)
    assert httpx2.post(f"{keys.url}/wait", headers={"Idempotency-Key": "left"}).status_code == 409
    keys.get("/open")
    wait_until(lambda: keys.counted("new") == stored + 1)
    again = httpx2.post(f"{keys.url}/wait", headers={"Idempotency-Key": "left"})

    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert keys.calls == calls + 1


@pytest.mark.parametrize("leaves", [True, False])
def test_a_body_that_does_not_arrive_reserves_nothing(keys: Keys, leaves: bool) -> None:  # noqa: FBT001 - a case
    """Whether the client leaves or keeps the connection: another attempt runs at once."""
    stored = metric(keys.management_url, "idempotency_stored_keys")
    keys.get("/open")
    with Wire(keys.url) as wire:
        wire.send(request("/wait", "POST", idempotency_key=f"unsent-{leaves}", content_length="2"), b"{")
        in_flight(keys, 1)
        if leaves:
            wire.socket.close()
            wire.file.close()
            in_flight(keys, 0)
        assert metric(keys.management_url, "idempotency_stored_keys") == stored
        assert keys.post("/wait", f"unsent-{leaves}").status_code == 201


def test_a_handler_that_was_cancelled_at_its_deadline_runs_again(keys: Keys) -> None:
    """504, and its key is released: what a cancelled handler has begun must be undone by its own context managers."""
    calls = keys.calls
    assert keys.post("/short", "deadline").status_code == 504
    keys.get("/open")
    assert keys.post("/short", "deadline").status_code == 201
    assert keys.calls == calls + 2


def test_a_thread_that_outlives_its_deadline_does_not_run_again(keys: Keys) -> None:
    """504 while the thread runs on: then 409, because it may still have its effect, or has had it."""
    calls, dropped = keys.calls, keys.counted("not_stored")
    assert keys.post("/thread", "thread").status_code == 504
    running = keys.post("/thread", "thread")
    assert (running.status_code, running.headers["retry-after"]) == (409, "1")
    keys.get("/open")
    wait_until(lambda: keys.counted("not_stored") == dropped + 1)
    ended = keys.post("/thread", "thread")

    assert ended.status_code == 409
    assert "answered with status 504 while it was still worked on" in ended.json()["detail"]
    assert keys.calls == calls + 1


def test_a_request_that_is_cut_at_the_end_of_the_drain_is_released() -> None:
    """503, and the outcome is counted before the process ends."""
    with closing(Keys()) as process, ThreadPoolExecutor(1) as pool:
        process.started()
        cut = pool.submit(process.post, "/wait", "drained")
        in_flight(process, 1)
        process.process.send_signal(signal.SIGTERM)
        assert cut.result().status_code == 503
        assert process.wait() == 1
        assert [line["event"] for line in process.lines if line["event"].startswith("idempotency.")] == []
