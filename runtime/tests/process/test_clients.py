"""Clients that close early, and responses that break off."""

import pytest

from firstlight.testing import ServiceProcess

from .conftest import Wire, in_flight, metric, request

DURATION = "http_server_request_duration_seconds_count"


@pytest.mark.parametrize("target", ["/faults/stream", "/faults/slow?seconds=0.5"])
def test_a_client_that_closes_early_is_not_an_error(running: ServiceProcess, target: str) -> None:
    """Before or during the response: one log line, no report, and no request in flight."""
    route, _, _ = target.partition("?")
    with Wire(running.url) as wire:
        wire.send(request(target, x_request_id=f"left{route.replace('/', '.')}"))
        if route == "/faults/stream":
            assert wire.head().status == 200
        else:
            in_flight(running, 1)
    ids = {"request_id": f"left{route.replace('/', '.')}"}
    line = running.wait_for("http.request_finished", **ids)
    assert (line["error_type"], line["level"]) == ("client_disconnected", "info")
    in_flight(running, 0)
    assert [line["event"] for line in running.lines if ids.items() <= line.items()] == ["http.request_finished"]
    assert metric(running.management_url, DURATION, http_route=route, error_type="client_disconnected") == 1


def test_a_response_that_breaks_off_is_recorded(running: ServiceProcess) -> None:
    """The client gets no proper end. The line has the sent status and the class of the exception."""
    with Wire(running.url) as wire:
        wire.send(request("/faults/stream?chunks=2", x_request_id="broken"))
        assert wire.head().status == 200
        assert not wire.file.read().endswith(b"0\r\n\r\n")
    line = running.wait_for("http.request_finished", request_id="broken")
    assert (line["http_response_status_code"], line["error_type"], line["level"]) == (200, "RuntimeError", "error")
    assert line["response_bytes"] == len(b"chunk\n" * 2)
    failure = running.wait_for("http.request_failed", request_id="broken")
    assert "broke off in mid-stream" in failure["exception"]
    assert metric(running.management_url, DURATION, http_route="/faults/stream", error_type="RuntimeError") == 1
