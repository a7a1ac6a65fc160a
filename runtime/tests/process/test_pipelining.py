"""Requests on one connection share no state."""

from typing import Any

from firstlight.testing import ServiceProcess

from .conftest import Receiver, Wire, request, wait_until

TRACES = ("4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000abc")


def test_two_requests_in_one_write_are_kept_apart(running: ServiceProcess, collector: Receiver) -> None:
    """They are answered in order, each with its own ids and its own trace."""
    with Wire(running.url) as wire:
        wire.send(
            request("/faults/bind?tenant=1", x_request_id="pipe-1", traceparent=f"00-{TRACES[0]}-00f067aa0ba902b7-01"),
            request("/faults/bind?tenant=2", x_request_id="pipe-2", traceparent=f"00-{TRACES[1]}-00f067aa0ba902b8-01"),
        )
        replies = [wire.receive(), wire.receive()]
    assert [(reply.headers["x-request-id"], reply.body) for reply in replies] == [
        ("pipe-1", b"pipe-1"),
        ("pipe-2", b"pipe-2"),
    ]
    lines = [running.wait_for("http.request_finished", request_id=f"pipe-{number}") for number in (1, 2)]
    assert [line["trace_id"] for line in lines] == list(TRACES)
    wait_until(lambda: len(_spans(collector, lines)) == 2)
    assert [(span.trace_id.hex(), span.parent_span_id.hex()) for span in _spans(collector, lines)] == [
        (TRACES[0], "00f067aa0ba902b7"),
        (TRACES[1], "00f067aa0ba902b8"),
    ]


def test_bound_fields_end_with_their_request(running: ServiceProcess) -> None:
    """The lines of the second request have its own ids, and no bound field of the first."""
    with Wire(running.url) as wire:
        wire.send(
            request("/faults/bind?tenant=3", x_request_id="bind-3"),
            request("/faults/bind?tenant=4", x_request_id="bind-4"),
        )
        assert [wire.receive().status, wire.receive().status] == [200, 200]
    before = [running.wait_for("faults.unbound", given=tenant) for tenant in ("3", "4")]
    after = [running.wait_for("faults.bound", given=tenant) for tenant in ("3", "4")]
    assert [line.get("tenant") for line in before] == [None, None]
    assert [line.get("tenant") for line in after] == ["3", "4"]
    assert [line["request_id"] for line in (*before, *after)] == ["bind-3", "bind-4", "bind-3", "bind-4"]
    assert before[0]["span_id"] == after[0]["span_id"] != before[1]["span_id"] == after[1]["span_id"]


def test_a_request_without_a_trace_starts_one_after_a_request_with_one(running: ServiceProcess) -> None:
    """It does not continue the trace of the earlier request."""
    with Wire(running.url) as wire:
        wire.send(
            request("/", traceparent=f"00-{TRACES[0]}-00f067aa0ba902b7-01", x_request_id="traced"),
            request("/", x_request_id="untraced"),
        )
        assert [wire.receive().status, wire.receive().status] == [404, 404]
    assert running.wait_for("http.request_finished", request_id="untraced")["trace_id"] not in {TRACES[0], ""}


def _spans(collector: Receiver, lines: list[dict[str, Any]]) -> list[Any]:
    found = {span.span_id.hex(): span for span in collector.spans}
    return [found[line["span_id"]] for line in lines if line["span_id"] in found]
