"""Reverts of limits on telemetry and calls."""

from .reverts import Revert

ATTRIBUTES, CLIENT = "requests/span_attributes.py", "components/http_client"
SHORTENED = " if len(line) <= LINE_BYTES else orjson.dumps(shortened(event), option=_OPTIONS)"

REVERTS = (
    Revert(
        rows=("collector down",),
        what="user agents are not cut, and the queue of spans is limited in number only",
        edits=[
            (ATTRIBUTES, 'cut(agent.decode("latin-1"), USER_AGENT_BYTES)', 'agent.decode("latin-1")'),
            ("otlp/batches.py", " or self._bytes + needed > self._max_bytes", ""),
            ("traces/provider.py", "length, VALUE_CHARACTERS)", "length, 1_000_000)"),
            ("traces/provider.py", "_first(length, EVENT_CHARACTERS)", "_first(length, 1_000_000)"),
        ],
    ),
    Revert(
        rows=("standard output stalled",),
        what="the queue of lines is limited in number only",
        edits=[("logs/sink.py", "self._held + size <= self._capacity_bytes and ", "")],
    ),
    Revert(
        rows=("large log field",),
        what="values are not cut",
        edits=[
            ("logs/values.py", "cut(value, min(TEXT_BYTES, max(size.left, _SMALL)))", "value"),
            ("logs/rendering.py", SHORTENED, ""),
        ],
    ),
    Revert(
        rows=("unknown keys",),
        what="every error of a body is listed",
        edits=[("service_errors.py", "LISTED_ERRORS = 20", "LISTED_ERRORS = 1_000_000")],
    ),
    Revert(
        rows=("dependency drips",),
        what="no limit on the total time of a call",
        edits=[(f"{CLIENT}/deadlines.py", "asyncio.timeout_at(deadline)", "asyncio.timeout_at(None)")],
    ),
    Revert(
        rows=("dependency without end",),
        what="no limit on the size of a response",
        edits=[(f"{CLIENT}/limits.py", "if size > self._max_bytes:", "if False:")],
    ),
    Revert(
        rows=("collector without end",),
        what="no limit on the size of an answer",
        edits=[
            ("exchanges/limited_socket.py", "if self._read_bytes < 0:", "if False:"),
            ("exchanges/poster.py", "response.read(BODY_BYTES)", "response.read()"),
        ],
    ),
    Revert(
        rows=("error tracker drips",),
        what="lost reports are not counted",
        edits=[
            ("reporting/transport.py", "ERRORS_QUEUE_FULL.inc()", "pass"),
            ("reporting/sentry.py", "ERRORS_QUEUE_FULL.inc()", "pass"),
        ],
    ),
    Revert(
        rows=("collector redirects",),
        what="a redirect is a success",
        edits=[("otlp/sender.py", "if 200 <= answer.status < 300:", "if 200 <= answer.status < 400:")],
    ),
    Revert(
        rows=("collector refuses a part",),
        what="what a collector refuses is not counted",
        edits=[("otlp/sender.py", "self._rejected.inc(rejected)", "pass")],
    ),
    Revert(
        rows=("caller gives up",),
        what="a call that its caller cancelled counts as failed",
        edits=[(f"{CLIENT}/calls.py", "if error is not None and not cancelled:", "if error is not None:")],
    ),
    Revert(
        rows=("dependency down",),
        what="no line names the dependency",
        edits=[(f"{CLIENT}/calls.py", "self._dependency.failures.write(self._method, failure, error)", "pass")],
    ),
)
