"""Observes calls: sends the request's ids with each call, and records each once, when its response is complete.

An attempt is a call here: a call that is sent three times has three spans and three durations.
"""

from collections.abc import AsyncIterator, Collection

import httpx2
from opentelemetry import context, propagate, trace
from opentelemetry.trace import Span, SpanKind

from ...context import UNOBSERVED, current_request
from ...security.headers import REQUEST_ID
from ...traces import consumers
from ...traces.trace_context import TRACESTATE
from .baggage import BAGGAGE, allowed
from .calls import SENT, Call, Called, started
from .failures import DEPENDENCY
from .limited_body import LimitedResponse
from .limits import ON_HEADERS


class ObservedTransport(httpx2.AsyncBaseTransport):
    """Adds the ids to each request, and records a span and a duration."""

    def __init__(
        self,
        dependency: str,
        transport: httpx2.AsyncBaseTransport,
        known_methods: frozenset[str],
        baggage: Collection[str] = (),
    ) -> None:
        """Observe the calls of `dependency` through `transport`. It gets the entries of `baggage`."""
        self._dependency = Called(dependency, known_methods)
        self._transport = transport
        self._tracer = trace.get_tracer(__name__)
        self._baggage = baggage

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. The call ends with the last byte of the response."""
        extensions = request.extensions
        if UNOBSERVED.get():
            request.extensions = {**extensions, DEPENDENCY: self._dependency.name, ON_HEADERS: None}
            return await self._transport.handle_async_request(request)
        method = self._dependency.method(request)
        span = self._start(request, method)
        call = Call(self._dependency, request, method, span)
        # A retry, a redirect, and the answer to a challenge inherit the extensions of the request before.
        request.extensions = {
            **extensions,
            DEPENDENCY: self._dependency.name,
            SENT: extensions.get(SENT, 0) + 1,
            ON_HEADERS: call.answered,
        }
        token = context.attach(trace.set_span_in_context(span))  # `use_span` does it with a generator, for 3 us more
        try:
            _identify(request, span, self._baggage)
            response = await self._transport.handle_async_request(request)
        except BaseException as error:
            call.end(error)
            raise
        finally:
            context.detach(token)
        return _observed(response, call)

    def _start(self, request: httpx2.Request, method: str) -> Span:
        current = trace.get_current_span().get_span_context()
        if not consumers.are_there() or (current.is_valid and not current.trace_flags.sampled):  # nothing reads them
            return self._tracer.start_span(method, kind=SpanKind.CLIENT)
        name, attributes = started(request, method)
        return self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    async def aclose(self) -> None:
        """Close the pool."""
        await self._transport.aclose()


def _identify(request: httpx2.Request, span: Span, baggage: Collection[str]) -> None:
    """Write the ids into the headers, and replace those that the team's code has copied from its own request."""
    headers = request.headers
    if TRACESTATE in headers and span.get_span_context().is_valid:
        del headers[TRACESTATE]
    if BAGGAGE in headers:
        del headers[BAGGAGE]
    propagate.inject(headers, allowed(baggage))
    if (ids := current_request()) is not None:
        headers[REQUEST_ID.decode()] = ids.request_id


def _observed(response: httpx2.Response, call: Call) -> httpx2.Response:
    """End the call with the last byte, which may be there already."""
    stream = response.stream
    if response.is_closed or (not isinstance(response, LimitedResponse) and isinstance(stream, httpx2.ByteStream)):
        call.end()
        return response
    if isinstance(response, LimitedResponse):
        response.on_failure = call.end
    assert isinstance(stream, httpx2.AsyncByteStream)
    response.stream = _ObservedStream(stream, call)
    return response


class _ObservedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, call: Call) -> None:
        self._stream = stream
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except GeneratorExit:  # the caller has stopped reading
            raise
        except BaseException as error:
            self._call.end(error)
            raise
        self._call.end()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._call.end()
