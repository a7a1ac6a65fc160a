"""Starts the span of each request. A span that is not recorded still has ids, for logs and called services."""

import random
from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracer,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    get_current_span,
)

from .attributes import Groups, merged
from .consumers import ConsumedProvider
from .edge import EdgeLimit
from .ids import TraceIds
from .propagation import NO_PARENT
from .request_span import Recording, RequestSpan
from .unrecorded_span import IDS_BITS, SPAN_ID, SPAN_ID_BITS, UnrecordedSpan

# The name and the groups of attributes of a span when it starts. Asked for only where it is recorded.
Describe = Callable[[], tuple[str, Groups]]

_NOT_SAMPLED = TraceFlags(TraceFlags.RANDOM_TRACE_ID)
_SAMPLED = TraceFlags(TraceFlags.RANDOM_TRACE_ID | TraceFlags.SAMPLED)


class Starter(Protocol):
    """The interface of tracers that the data plane uses."""

    def start(self, context: Context, describe: Describe) -> Span:
        """Start the span of a request whose caller is in `context`, without making it the current one."""


class Rule(NamedTuple):
    """Which traces are sampled."""

    ratio: float
    follows: bool
    """Whether a caller's flag decides."""
    edge: EdgeLimit | None
    """The limit on traces of callers that are not trusted."""


class RequestTracer:
    """Decides by the SDK's rule before it calls the SDK, which then gets only the recorded requests.

    It spends as much on a span that it drops as bare Starlette spends on a third of a request.
    """

    def __init__(
        self, tracer: Tracer, ids: TraceIds, provider: ConsumedProvider, rule: Rule, recording: Recording | None = None
    ) -> None:
        """Record by `rule` while `provider` has a consumer. `tracer` records every span that it is asked for.

        `recording` is used while there are no other consumers than its own.
        """
        self._tracer = tracer
        self._ids = ids
        self._provider = provider
        self._recording = recording
        self._limit = TraceIdRatioBased.get_bound_for_rate(rule.ratio)
        self._follows = rule.follows
        self._edge = rule.edge

    def start(self, context: Context, describe: Describe) -> Span:
        """Start a recorded span, or an unrecorded one with ids."""
        if context is NO_PARENT:  # most requests have none
            return self._begin(context, describe)
        caller = get_current_span(context).get_span_context()
        if not caller.is_valid:
            return self._begin(context, describe)
        kept = caller.trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._limit
        sampled = caller.trace_flags.sampled if self._follows else kept
        if self._edge is not None:
            sampled = self._edge.admits(sampled=kept)
        if sampled and self._provider.consumed:
            return self._record(context, describe, caller)
        # Without a consumer the caller's own span goes on, so that what services behind record is not cut off from it
        # by one that nobody records. The flag may change only together with the id of the span.
        same = not self._provider.consumed and caller.trace_flags.sampled is sampled
        return NonRecordingSpan(caller if same else _beside(caller, sampled=sampled))

    def _begin(self, context: Context, describe: Describe) -> Span:
        ids = random.getrandbits(IDS_BITS)
        trace_id, span_id = ids >> SPAN_ID_BITS, ids & SPAN_ID
        if not (trace_id and span_id):  # which is not valid
            return self._begin(context, describe)
        if trace_id & TraceIdRatioBased.TRACE_ID_LIMIT >= self._limit:
            return UnrecordedSpan(ids, _NOT_SAMPLED)
        if not self._provider.consumed:
            return UnrecordedSpan(ids, _SAMPLED)
        new = SpanContext(trace_id, span_id, is_remote=False, trace_flags=_SAMPLED)
        return self._record(context, describe, None, new)

    def _record(
        self, context: Context, describe: Describe, caller: SpanContext | None, new: SpanContext | None = None
    ) -> Span:
        """Start a recorded span. `describe` returns name and attributes; `new` are the ids of a new trace."""
        if (
            self._recording is not None
            and self._provider.consumers == self._recording.consumers
            and not (caller and caller.trace_state)
        ):
            ids = new or _beside(cast("SpanContext", caller), sampled=True)
            return RequestSpan(self._recording, context, caller, ids, describe())
        if new:
            self._ids.follow(new.trace_id, new.span_id)
        name, groups = describe()
        return self._tracer.start_span(name, context, SpanKind.SERVER, merged(groups))


class NoTracer:
    """The tracer of a disabled SDK: the caller's context is sent on, and no trace begins here."""

    def start(self, context: Context, describe: Describe) -> Span:
        """The caller's span, or an invalid one where the caller sent none."""
        del describe
        return NoOpTracer().start_span("", context)


def _beside(caller: SpanContext, *, sampled: bool) -> SpanContext:
    """The context of a new span in the caller's trace."""
    flags = TraceFlags((caller.trace_flags & TraceFlags.RANDOM_TRACE_ID) | sampled)
    return SpanContext(
        caller.trace_id, random.getrandbits(64) or 1, is_remote=False, trace_flags=flags, trace_state=caller.trace_state
    )
