"""Starts the span of each request: recorded where somebody will read it, else ids that logs and callees share."""

import random
from collections.abc import Callable, Mapping
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    NoOpTracer,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    get_current_span,
)

from .consumers import ConsumedProvider
from .ids import TraceIds
from .propagation import NO_PARENT
from .request_span import Recording, RequestSpan

# The name and the attributes of a span when it starts. Asked for only where it is recorded.
Describe = Callable[[], tuple[str, Mapping[str, str | int]]]

_FLAGS = {sampled: TraceFlags(TraceFlags.RANDOM_TRACE_ID | sampled) for sampled in (False, True)}


class Starter(Protocol):
    """What the data plane needs of a tracer."""

    def start(self, context: Context, describe: Describe) -> Span:
        """Start the span of a request whose caller is in `context`, without making it the current one."""


class RequestTracer:
    """Decides by the SDK's own rule before the SDK is asked, which then only sees what is recorded.

    It spends as much on a span that it drops as bare Starlette spends on a third of a request.
    """

    def __init__(  # noqa: PLR0913 - what it decides by and what it records with
        self,
        tracer: Tracer,
        ids: TraceIds,
        provider: ConsumedProvider,
        recording: Recording | None = None,
        *,
        ratio: float,
        follows: bool,
    ) -> None:
        """Record while `provider` has a consumer: as a caller's flag says, or `ratio` of the traces.

        With `tracer`, or with `recording` while its queue is the only consumer.
        """
        self._tracer = tracer
        self._ids = ids
        self._recording = recording
        self._provider = provider
        self._limit = TraceIdRatioBased.get_bound_for_rate(ratio)
        self._follows = follows

    def start(self, context: Context, describe: Describe) -> Span:
        """Start a span, or stand in for one."""
        caller = INVALID_SPAN_CONTEXT if context is NO_PARENT else get_current_span(context).get_span_context()
        trace_id = caller.trace_id or random.getrandbits(128) or 1
        if self._follows and caller.is_valid:
            sampled = caller.trace_flags.sampled
        else:
            sampled = trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._limit
        if not self._provider.consumed:
            return NonRecordingSpan(_unrecorded(caller, trace_id, sampled=sampled))
        if not sampled:
            return NonRecordingSpan(_new(caller, trace_id, sampled=False))
        if self._recording is not None and self._provider.consumers == 1 and not caller.trace_state:
            new = _new(caller, trace_id, sampled=True)
            return RequestSpan(self._recording, context, caller if caller.is_valid else None, new, describe())
        if not caller.is_valid:
            self._ids.follow(trace_id)
        name, attributes = describe()
        return self._tracer.start_span(name, context, SpanKind.SERVER, attributes)


class NoTracer:
    """Of a disabled SDK: what a caller sent is sent on, and no trace begins here."""

    def start(self, context: Context, describe: Describe) -> Span:
        """The caller's span, or none."""
        del describe
        return NoOpTracer().start_span("", context)


def _unrecorded(caller: SpanContext, trace_id: int, *, sampled: bool) -> SpanContext:
    """The caller's own span, so that what services behind record is not cut off from it by one that nobody records.

    The flag may change only together with the span's id.
    """
    same = caller.is_valid and caller.trace_flags.sampled is sampled
    return caller if same else _new(caller, trace_id, sampled=sampled)


def _new(caller: SpanContext, trace_id: int, *, sampled: bool) -> SpanContext:
    flags = _FLAGS[sampled]
    if caller.is_valid and not caller.trace_flags.random_trace_id:
        flags = TraceFlags(sampled)
    return SpanContext(
        trace_id,
        random.getrandbits(64) or 1,
        is_remote=False,
        trace_flags=flags,
        trace_state=caller.trace_state,
    )
