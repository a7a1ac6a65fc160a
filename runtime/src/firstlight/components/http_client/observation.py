"""Observes calls: the request's ids go with each, and each is measured once, when its response is complete."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx2
from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Histogram

from ...context import current_request
from ...logs.redaction import redact_text
from ...metrics.instruments import LATENCY_BUCKETS_SECONDS, REGISTRY
from .failures import DEPENDENCY, FailureLog
from .limits import LimitedResponse

CLIENT_ERROR = 400
KNOWN_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY"})

REQUEST_DURATION = Histogram(
    "http_client_request_duration_seconds",
    "Time from sending a request to a dependency to the headers of its response.",
    ("dependency", "http_request_method", "http_response_status_code", "error_type"),
    buckets=LATENCY_BUCKETS_SECONDS,
    registry=REGISTRY,
)


class ObservedTransport(httpx2.AsyncBaseTransport):
    """Adds the ids to each request and measures it: a span by semantic convention, and a duration."""

    def __init__(self, dependency: str, transport: httpx2.AsyncBaseTransport) -> None:
        """Observe what goes through `transport` to `dependency`."""
        self._dependency = dependency
        self._transport = transport
        self._tracer = trace.get_tracer(__name__)
        self._failures = FailureLog(dependency)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. What becomes of the response's body is part of the call."""
        request.extensions = {**request.extensions, DEPENDENCY: self._dependency}
        span = self._tracer.start_span(request.method, kind=SpanKind.CLIENT)
        call = _Call(self._dependency, request, span, self._failures)
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            propagate.inject(request.headers)
            if (ids := current_request()) is not None:
                request.headers["x-request-id"] = ids.request_id
            try:
                response = await self._transport.handle_async_request(request)
            except BaseException as error:
                call.end(error)
                raise
        call.answered(response.status_code)
        if isinstance(response, LimitedResponse):
            response.on_failure = call.end
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _ObservedStream(response.stream, call)
        return response

    async def aclose(self) -> None:
        """Close the pool."""
        await self._transport.aclose()


class _Call:
    """One call. Only its first end counts."""

    def __init__(self, dependency: str, request: httpx2.Request, span: Span, failures: FailureLog) -> None:
        self._dependency, self._request, self._span, self._failures = dependency, request, span, failures
        self._method = request.method if request.method in KNOWN_METHODS else "_OTHER"
        self._started = time.perf_counter()
        self._to_headers: float | None = None
        self._status = 0
        self._ended = False

    def answered(self, status: int) -> None:
        """The headers of the response are there."""
        self._to_headers = time.perf_counter() - self._started
        self._status = status

    def end(self, error: BaseException | None = None) -> None:
        """The response is complete, or never will be. A call that its caller cancelled is nobody's failure."""
        if self._ended:
            return
        self._ended = True
        cancelled = isinstance(error, asyncio.CancelledError)
        status, error_type = str(self._status or ""), ""
        if error is not None and not cancelled:
            error_type = type(error).__qualname__
            self._failures.write(self._method, error_type, error)
        elif self._status >= CLIENT_ERROR:
            error_type = status
        seconds = self._to_headers
        if seconds is None or error is not None:
            seconds = time.perf_counter() - self._started
        REQUEST_DURATION.labels(self._dependency, self._method, status, error_type).observe(seconds)
        if self._span.is_recording():
            self._describe(error_type, cancelled=cancelled)
        self._span.end()

    def _describe(self, error_type: str, *, cancelled: bool) -> None:
        span, url = self._span, self._request.url
        span.set_attributes(
            {
                "http.request.method": self._method,
                "server.address": url.host,
                "server.port": url.port or (443 if url.scheme == "https" else 80),
                "url.full": redact_text(str(url.copy_with(query=None, fragment=None, username=None, password=None))),
            }
        )
        if self._status:
            span.set_attribute("http.response.status_code", self._status)
        if error_type:
            span.set_attribute("error.type", error_type)
            span.set_status(Status(StatusCode.ERROR))
        if cancelled:
            span.add_event("cancelled")


class _ObservedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, call: _Call) -> None:
        self._stream = stream
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except GeneratorExit:  # the reader has had enough
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
