"""The client spans of calls of Redis, by the semantic conventions. Keys and values are never in them."""

import time

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from ...error_type import error_type
from ...traces import consumers
from .destination import Destination

# The commands behind the names of calls. The other calls have several.
_COMMANDS = {"get": "HGET", "get_tags": "MGET", "scan": "SCAN", "ping": "PING"}
_SCRIPTS = frozenset({"acquire", "fill", "put", "release", "renew", "begin", "end"})


class CallSpans:
    """Of one server."""

    def __init__(self, destination: Destination) -> None:
        """`destination` is where the calls go."""
        self._destination = destination
        self._tracer = trace.get_tracer(__name__)

    def ended(self, operation: str, seconds: float, error: BaseException | None) -> None:
        """Write the span of a call when it has ended, in a trace that is recorded.

        Calls in a background task, and those that many requests share, belong to no trace.
        """
        if trace.get_current_span().get_span_context().trace_flags.sampled and consumers.are_there():
            self._record(operation, seconds, error)

    def _record(self, operation: str, seconds: float, error: BaseException | None) -> None:
        now, address = time.time_ns(), self._destination.address
        attributes: dict[str, str | int] = {
            "db.system.name": "redis",
            "db.namespace": str(address.database),
            "db.query.summary": operation,
            "server.address": address.host,
            "server.port": address.port,
        }
        if operation in _COMMANDS:
            attributes["db.operation.name"] = _COMMANDS[operation]
        elif operation in _SCRIPTS:
            attributes |= {"db.operation.name": "EVALSHA", "db.stored_procedure.name": operation}
        if error is not None:
            attributes["error.type"] = error_type(error)
        began = now - round(seconds * 1e9)
        span = self._tracer.start_span(
            f"redis {operation}", kind=SpanKind.CLIENT, attributes=attributes, start_time=began
        )
        if error is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)
