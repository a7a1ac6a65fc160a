"""Who a request is: its ids and its span, from the headers of its caller or new ones."""

import random
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, set_span_in_context
from starlette.types import Scope

from ..context import RequestContext
from ..traces.propagation import HEADERS, NO_PARENT
from ..traces.request_tracer import Starter
from .span_attributes import HOST, USER_AGENT, started

REQUEST_ID = b"x-request-id"
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_READ = frozenset({REQUEST_ID, b"traceparent", b"baggage", HOST, USER_AGENT})
_REPEATABLE = frozenset({list, tuple})


class Identified(NamedTuple):
    """A request or a websocket with its ids, its span started."""

    ids: RequestContext
    span: Span
    context: Context
    header: tuple[bytes, bytes]
    """The request id, for the response."""


def identify(scope: Scope, propagator: TextMapPropagator, tracer: Starter, methods: frozenset[str]) -> Identified:
    """Read the few headers that matter, and start the span. `methods` are the known ones."""
    if type(scope["headers"]) not in _REPEATABLE:  # any iterable is allowed, even one that can be read only once
        scope["headers"] = list(scope["headers"])
    read = {name: value for name, value in scope["headers"] if name in _READ}
    parent = NO_PARENT
    if b"traceparent" in read or b"baggage" in read:
        parent = propagator.extract(scope["headers"], NO_PARENT, HEADERS)
    span = tracer.start(parent, lambda: started(scope, read, methods))
    request_id = read.get(REQUEST_ID)
    if request_id is None or not acceptable(request_id):
        request_id = b"%032x" % random.getrandbits(128)  # an id, not a secret
    context = span.get_span_context()
    traced = (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else ("", "")
    return Identified(
        RequestContext(request_id.decode(), *traced),
        span,
        set_span_in_context(span, parent),
        (REQUEST_ID, request_id),
    )


def with_headers(given: Iterable[Sequence[bytes]], ours: Sequence[tuple[bytes, bytes]]) -> list[Sequence[bytes]]:
    """The headers of a response with ours, which replace those of the same name: a client looks at one of them."""
    headers = [*given, *ours]
    if len({header[0].lower() for header in headers}) < len(headers):  # seldom, and mostly two cookies
        names = {name for name, _ in ours}
        headers = [*(header for header in headers if header[0].lower() not in names), *ours]
    return headers


def acceptable(request_id: bytes) -> bool:
    """Whether a caller's request id may be used as it is."""
    return _ACCEPTABLE_ID.fullmatch(request_id) is not None
