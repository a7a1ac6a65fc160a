"""The span of a recorded request. It is encoded when it ends, and becomes an SDK span only when somebody adds to it.

Most requests have only the attributes that the data plane knows. For those, the SDK's span, its copies and its locks
are nine tenths of the cost of recording.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import Attributes, AttributeValue

from .attributes import Groups, PlainAttributes, merged
from .encoded_span import EncodedSpan
from .ids import TraceIds

_FAILED = Status(StatusCode.ERROR)
_STATUSES = {failed: code.name.lower() for failed, code in ((False, StatusCode.UNSET), (True, StatusCode.ERROR))}


class SpanWatch(SpanProcessor):
    """A span processor that gets the span of a request to which nothing was added without a span of the SDK."""

    def on_request(  # noqa: PLR0913, PLR0917 - the parts of a span
        self,
        context: SpanContext,
        parent: SpanContext | None,
        name: str,
        times: tuple[int, int],
        status: str,
        groups: Groups,
    ) -> None:
        """The span has ended. `times` are in nanoseconds since the epoch; `groups` are not redacted. Never raises."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Queue:
    """Where encoded spans go."""

    encoded: Callable[..., bytes]
    put: Callable[[EncodedSpan], None]
    resource: Resource
    scope: InstrumentationScope


@dataclass(frozen=True, slots=True)
class Recording:
    """The consumers of spans without additions, and the tracer of the others."""

    tracer: Tracer
    ids: TraceIds
    queue: Queue | None
    watch: SpanWatch | None

    @property
    def consumers(self) -> int:
        """How many consumers it has."""
        return (self.queue is not None) + (self.watch is not None)

    def made(self, span: "RequestSpan") -> Span:
        """An SDK span with the same ids."""
        context = span.get_span_context()
        self.ids.follow(0 if span.parent else context.trace_id, context.span_id)
        return self.tracer.start_span(
            span.name, span.caller, SpanKind.SERVER, merged(span.attributes), start_time=span.start_time
        )

    def put(self, span: "RequestSpan", name: str, attributes: PlainAttributes, *, failed: bool, end_time: int) -> None:
        """Hand the span to its consumers. Raises `KeyError` or `ValueError` if it cannot be encoded."""
        context, times = span.get_span_context(), (span.start_time, end_time)
        status, groups = StatusCode.ERROR if failed else StatusCode.UNSET, (*span.attributes, attributes)
        if (queue := self.queue) is not None:
            body = queue.encoded(context, span.parent, name, SpanKind.SERVER, times, status, *groups)
            queue.put(EncodedSpan(body, queue.resource, queue.scope))
        if self.watch is not None:
            self.watch.on_request(context, span.parent, name or span.name, times, _STATUSES[failed], groups)


class RequestSpan(Span):
    """The span interface of the API. Additions go to an SDK span, which is created for the first one."""

    __slots__ = (
        "_context",
        "_ended",
        "_lock",
        "_made",
        "_recording",
        "attributes",
        "caller",
        "name",
        "parent",
        "start_time",
    )

    def __init__(
        self,
        recording: Recording,
        caller: Context,
        parent: SpanContext | None,
        context: SpanContext,
        described: tuple[str, Groups],
    ) -> None:
        """Start the span. `parent` is the caller's span in `caller`; `described` has name and groups of attributes."""
        self._recording = recording
        self.caller, self.parent, self._context = caller, parent, context
        self.name, self.attributes = described
        self.start_time = time.time_ns()
        self._lock = threading.RLock()  # only this span uses it, so that no other thread holds it at a fork
        self._made: Span | None = None
        self._ended = False

    def finish(self, name: str, attributes: PlainAttributes, *, failed: bool, end_time: int) -> None:
        """End the span with its final attributes. `end_time` is in nanoseconds since the epoch."""
        if self._made is not None:
            finish(self._made, name, attributes, failed=failed, end_time=end_time)
        elif not self._ended:
            try:
                self._recording.put(self, name, attributes, failed=failed, end_time=end_time)
            except (KeyError, ValueError):  # the SDK accepts values of other types and text that cannot be encoded
                finish(self.sdk(), name, attributes, failed=failed, end_time=end_time)
            self._ended = True

    def sdk(self) -> Span:
        """The SDK's span, created at the first call. A span that has ended accepts no additions."""
        with self._lock:
            if self._made is None and not self._ended:
                self._made = self._recording.made(self)
            return self._made or NonRecordingSpan(self._context)

    def get_span_context(self) -> SpanContext:
        """The ids and flags of the span."""
        return self._context

    def is_recording(self) -> bool:
        """Whether the span has not ended yet."""
        return not self._ended if self._made is None else self._made.is_recording()

    def end(self, end_time: int | None = None) -> None:
        """End the span."""
        self.sdk().end(end_time)

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add attributes."""
        self.sdk().set_attributes(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Add an attribute."""
        self.sdk().set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Add an event."""
        self.sdk().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Add a link."""
        self.sdk().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """Rename the span."""
        self.sdk().update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status."""
        self.sdk().set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - the interface of spans
    ) -> None:
        """Add an exception as an event."""
        self.sdk().record_exception(exception, attributes, timestamp, escaped)


def finish(span: Span, name: str, attributes: PlainAttributes, *, failed: bool, end_time: int) -> None:
    """End a span of this class or of the SDK."""
    if isinstance(span, RequestSpan):
        span.finish(name, attributes, failed=failed, end_time=end_time)
        return
    if name:
        span.update_name(name)
    span.set_attributes(dict(attributes))
    if failed:
        span.set_status(_FAILED)
    span.end(end_time)


def started(span: Span) -> int:
    """The start of a span, in nanoseconds since the epoch."""
    return span.start_time or 0 if isinstance(span, RequestSpan | SdkSpan) else 0
