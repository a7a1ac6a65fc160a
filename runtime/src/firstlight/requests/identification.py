"""The ids and the span of a request, from the headers of its caller or new ones."""

import random
import re
from collections.abc import Iterable, Sequence

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import INVALID_SPAN, Span, set_span_in_context
from starlette.types import Scope

from ..context import RequestContext
from ..security.headers import REQUEST_ID
from ..traces.propagation import HEADERS, NO_PARENT
from ..traces.request_tracer import Starter
from ..traces.unrecorded_span import hex_ids
from .span_attributes import started

_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_READ = frozenset({REQUEST_ID, b"traceparent", b"baggage"})
_REPEATABLE = frozenset({list, tuple})
(_CURRENT,) = set_span_in_context(INVALID_SPAN, Context())  # the key of the current span

Header = tuple[bytes, bytes]
# The ids, the span, what makes it the current one, and the request id as a field of the response.
Identified = tuple[RequestContext, Span, Context, Header]


def identify(scope: Scope, propagator: TextMapPropagator, tracer: Starter, methods: frozenset[str]) -> Identified:
    """Read the few headers that matter, and start the span. `methods` are the known ones."""
    if type(scope["headers"]) not in _REPEATABLE:  # any iterable is allowed, even one that can be read only once
        scope["headers"] = list(scope["headers"])
    parent, given = NO_PARENT, b""
    for name, value in scope["headers"]:
        if name in _READ:
            if name == REQUEST_ID:
                given = value
            elif parent is NO_PARENT:
                parent = propagator.extract(scope["headers"], NO_PARENT, HEADERS)
    span = tracer.start(parent, lambda: started(scope, methods))
    if given and acceptable(given):
        request_id = given.decode()
    else:
        request_id = random.getrandbits(128).to_bytes(16, "big").hex()  # an id, not a secret
        given = request_id.encode()
    ids = RequestContext(request_id, *hex_ids(span))
    context = current(span) if parent is NO_PARENT else set_span_in_context(span, parent)
    return ids, span, context, (REQUEST_ID, given)


def current(span: Span) -> Context:
    """A context whose only value is the current span."""
    return Context({_CURRENT: span})


def with_header(given: Iterable[Sequence[bytes]], name: bytes, value: bytes) -> list[Sequence[bytes]]:
    """The headers of a response with one header in place of all of its name, because clients read only one."""
    headers = list(given)
    for each in headers:
        if len(each[0]) == len(name) and each[0].lower() == name:
            headers = [other for other in headers if other[0].lower() != name]
            break
    headers.append((name, value))
    return headers


def acceptable(request_id: bytes) -> bool:
    """Whether a caller's request id may be used as it is."""
    return _ACCEPTABLE_ID.fullmatch(request_id) is not None
