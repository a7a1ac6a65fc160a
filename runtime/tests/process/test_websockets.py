"""Websockets through the real server: ids, one event, a gauge, and limits."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from firstlight.security.headers import HEADERS
from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import PROGRAMS, TIMEOUT_SECONDS
from ..faults import SERVICE
from .conftest import Wire, ask, metric, request, wait_until

BODY_BYTES = 10_000
PLACES = 5
DEADLINE = 0.5
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HANDSHAKE = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
KEY = base64.b64encode(b"the sample nonce").decode()  # that of RFC 6455


@pytest.fixture(scope="module")
def sockets() -> Iterator[ServiceProcess]:
    """A service with limits on connections and messages."""
    environment = {"MAX_BODY_BYTES": str(BODY_BYTES), "MAX_CONNECTIONS": str(PLACES)}
    environment |= dict.fromkeys(("WRITE_SECONDS", "BODY_SECONDS", "HEAD_SECONDS", "KEEP_ALIVE_SECONDS"), str(DEADLINE))
    program = [str(PROGRAMS / "limited.py")]
    with closing(ServiceProcess(program, environment, without=variables(SERVICE))) as process:
        yield process.started()
        assert process.terminate() == 0
        assert process.error == ""


def opened(sockets: ServiceProcess, path: str, **headers: str) -> ClientConnection:
    """A websocket after its handshake."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"ws://{urlsplit(sockets.url).netloc}{path}"
    return connect(url, additional_headers=named, open_timeout=TIMEOUT_SECONDS, close_timeout=1)


def active(sockets: ServiceProcess) -> float:
    """The value of the gauge."""
    return metric(sockets.management_url, "websocket_active_connections")


def test_a_websocket_is_observed_from_its_handshake_to_its_end(sockets: ServiceProcess) -> None:
    """The response has its ids, it counts as a connection, and one event says how it ended."""
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    with opened(sockets, "/echo", x_request_id="socket-1", traceparent=parent) as websocket:
        assert websocket.response is not None
        assert websocket.response.headers["x-request-id"] == "socket-1"
        websocket.send("hello")
        assert websocket.recv(TIMEOUT_SECONDS) == "hello"
        assert active(sockets) == 1
        assert metric(sockets.management_url, "http_server_connections") == 1
    line = sockets.wait_for("websocket.closed", request_id="socket-1")
    expected = {
        "trace_id": TRACE,
        "http_route": "/echo",
        "error_type": "",
        "close_code": 1000,
        "accepted": True,
        "messages_received": 1,
        "messages_sent": 1,
        "client_address": "127.0.0.1",
        "level": "info",
    }
    assert {name: line[name] for name in expected} == expected
    wait_until(lambda: active(sockets) == 0)
    wait_until(lambda: metric(sockets.management_url, "http_server_connections") == 0)
    assert metric(sockets.management_url, "websocket_connection_duration_seconds_count", http_route="/echo") == 1


def problem(refused: InvalidStatus) -> tuple[int, str, str]:
    """Status, type and request id of the response to a handshake."""
    response = refused.response
    assert response.headers["content-type"] == "application/problem+json"
    document = json.loads(response.body or b"")
    assert document["status"] == response.status_code
    return document["status"], document["type"], document["request_id"]


def test_a_websocket_without_a_route_is_refused(sockets: ServiceProcess) -> None:
    """With 404 as a problem, and one event with the constant for unmatched paths."""
    with pytest.raises(InvalidStatus) as refused:
        opened(sockets, "/nowhere", x_request_id="socket-2")
    assert problem(refused.value) == (404, "/problems/not-found", "socket-2")
    assert {name: refused.value.response.headers.get_all(name) for name in HEADERS} == {
        name: [value] for name, value in HEADERS.items()
    }
    line = sockets.wait_for("websocket.closed", request_id="socket-2")
    assert (line["http_route"], line["accepted"]) == ("unmatched", False)


def test_a_handshake_that_the_library_refuses_has_the_security_headers(sockets: ServiceProcess) -> None:
    """Before the application is called."""
    with Wire(sockets.url) as wire:
        wire.send(request("/echo", **{**HANDSHAKE, "sec_websocket_version": "12"}, sec_websocket_key=KEY))
        reply = wire.receive()
    assert reply.status == 400
    assert {name: reply.headers.get(name.lower()) for name in HEADERS} == HEADERS


@pytest.mark.parametrize(("raised", "code", "error_type"), [("", 1000, ""), ("&raised=", 1011, "LookupError")])
def test_a_handler_that_closes_nothing_leaves_no_client_waiting(
    sockets: ServiceProcess, raised: str, code: int, error_type: str
) -> None:
    """Its websocket is closed when it returns or raises, and the close is in the event."""
    with opened(sockets, f"/end?accepted={raised}", x_request_id=f"end-{code}") as websocket:
        with pytest.raises((ConnectionClosedOK, ConnectionClosedError)) as closed:
            websocket.recv(TIMEOUT_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
    line = sockets.wait_for("websocket.closed", request_id=f"end-{code}")
    assert (line["close_code"], line["error_type"], line["accepted"]) == (code, error_type, True)


@pytest.mark.parametrize(("query", "status"), [("", 403), ("?raised=", 500)])
def test_a_handler_that_does_not_accept_refuses(sockets: ServiceProcess, query: str, status: int) -> None:
    """The handshake has an answer, whether the handler returns or raises."""
    with pytest.raises(InvalidStatus) as refused:
        opened(sockets, f"/end{query}", x_request_id=f"refused-{status}")
    kind = {403: "/problems/forbidden", 500: "/problems/internal-server-error"}[status]
    assert problem(refused.value) == (status, kind, f"refused-{status}")
    assert sockets.wait_for("websocket.closed", request_id=f"refused-{status}")["accepted"] is False


def test_a_message_that_is_too_large_ends_its_websocket(sockets: ServiceProcess) -> None:
    """A message of the limit is accepted."""
    with opened(sockets, "/echo") as websocket:
        websocket.send("x" * BODY_BYTES)
        assert websocket.recv(TIMEOUT_SECONDS) == "x" * BODY_BYTES
        websocket.send("x" * (BODY_BYTES + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            websocket.recv(TIMEOUT_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_many_messages_in_one_packet_all_arrive(sockets: ServiceProcess) -> None:
    """They are parsed as the application reads them."""
    count = 5000
    with opened(sockets, "/echo") as websocket:
        for number in range(count):
            websocket.send(str(number))
        assert [websocket.recv(TIMEOUT_SECONDS) for _ in range(count)] == [str(number) for number in range(count)]


def test_websockets_count_as_connections(sockets: ServiceProcess) -> None:
    """When they use all connections, the next client gets 503."""
    with ExitStack() as stack:
        for _ in range(PLACES):
            stack.enter_context(opened(sockets, "/echo"))
        assert ask(sockets.url, "/none").status == 503
    wait_until(lambda: metric(sockets.management_url, "http_server_connections") == 0)
    assert ask(sockets.url, "/none").status == 200


def test_a_client_without_a_close_frame_frees_its_connection(sockets: ServiceProcess) -> None:
    """Also while the application writes."""
    with Wire(sockets.url) as wire:
        wire.send(request("/pour", sec_websocket_key=KEY, **HANDSHAKE))
        assert wire.head().status == 101
        wait_until(lambda: active(sockets) == 1)
    wait_until(lambda: active(sockets) == 0)
    assert sockets.wait_for("websocket.closed", http_route="/pour")["close_code"] in {1005, 1006}


def test_a_handshake_without_a_key_is_answered(sockets: ServiceProcess) -> None:
    """It is an error of the client, and the connection is closed."""
    with Wire(sockets.url) as wire:
        wire.send(request("/echo", **HANDSHAKE))
        assert wire.receive().status == 400
        assert wire.file.read() == b""


def test_without_a_websocket_no_library_is_imported_and_the_request_is_served() -> None:
    """The start is faster without it. The upgrade is ignored and counted."""
    program = (
        "import sys; sys.path.insert(0, {tests!r}); import runpy, atexit;"
        'atexit.register(lambda: print(\'{{"event": "imported", "yes": %s}}\' % '
        "str('websockets' in sys.modules).lower(), flush=True));"
        "runpy.run_path({faults!r}, run_name='__main__')"
    ).format(tests=str(PROGRAMS.parent), faults=str(PROGRAMS.with_name("faults.py")))
    with closing(ServiceProcess(["-c", program], {}, without=variables(SERVICE))) as process:
        process.started()
        with Wire(process.url) as wire:
            wire.send(request("/faults/none", sec_websocket_key=KEY, **HANDSHAKE))
            assert wire.receive().body == b"none"
        labels = {"listener": "service", "reason": "upgrade_refused"}
        assert metric(process.management_url, "http_server_refusals_total", **labels) == 1
        assert process.terminate() == 0
        assert process.wait_for("imported")["yes"] is False
        events = [line["event"] for line in process.lines]
        assert events.count("http.connection_refused") == 1
        assert not [event for event in events if "pgrade request" in event or "WebSocket" in event]


def test_time_limits_of_requests_do_not_apply_to_websockets(sockets: ServiceProcess) -> None:
    """Neither to idle nor to busy ones, nor to a handshake that arrives in pieces."""
    before = refusals(sockets, "body_timeout")
    began = time.monotonic()
    with opened(sockets, "/echo") as idle, opened(sockets, "/echo", cookie="c" * 9_000) as busy:
        while time.monotonic() - began < 5 * DEADLINE:
            busy.send("still here")
            assert busy.recv(TIMEOUT_SECONDS) == "still here"
        idle.send("I too")
        assert idle.recv(TIMEOUT_SECONDS) == "I too"
    assert refusals(sockets, "body_timeout") == before


def test_a_service_that_closes_does_not_keep_its_client_waiting(sockets: ServiceProcess) -> None:
    """It reads the close frame of the client."""
    began = time.monotonic()
    with opened(sockets, "/leave") as websocket, pytest.raises(ConnectionClosedOK):
        websocket.recv(TIMEOUT_SECONDS)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [({"cookie": "c" * 60_000}, 101, ""), ({f"x-{n}": "1" for n in range(1_001)}, 431, "head_too_large")],
)
def test_a_handshake_has_the_limits_of_a_head(
    sockets: ServiceProcess, fields: dict[str, str], status: int, reason: str
) -> None:
    """A handshake that the library cannot parse is answered, too."""
    before = refusals(sockets, reason) if reason else 0
    with Wire(sockets.url) as wire:
        named = {**HANDSHAKE, "sec_websocket_key": KEY, **fields}
        wire.send(request("/echo", **named))
        assert wire.receive().status == status
    if reason:
        assert refusals(sockets, reason) == before + 1


def test_a_disconnect_in_a_task_group_is_not_a_failure(sockets: ServiceProcess) -> None:
    """A reader and a writer in one task group are the usual structure."""
    with opened(sockets, "/group", x_request_id="socket-group") as websocket:
        websocket.send("hello")
    line = sockets.wait_for("websocket.closed", request_id="socket-group")
    assert (line["error_type"], line["level"]) == ("", "info")


def refusals(sockets: ServiceProcess, reason: str) -> float:
    """The counter of refusals for a reason."""
    return metric(sockets.management_url, "http_server_refusals_total", listener="service", reason=reason)
