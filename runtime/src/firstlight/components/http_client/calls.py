"""The metric and the span of one call, by the semantic conventions for HTTP clients.

docs/guides/semantics.md says where each attribute comes from.
"""

import asyncio
import time

import httpx2
from opentelemetry.trace import Span, Status, StatusCode

from ...error_type import error_type
from ...logs.limits import cut
from ...logs.redaction import redact_text
from ...metrics.children import OVERFLOW, Children, class_of
from ...metrics.instruments import OTHER_METHOD
from ...requests.span_attributes import METHOD_BYTES
from ...traces.query import redacted
from .failures import FailureLog
from .metrics import REQUEST_DURATION

CLIENT_ERROR = 400
URL_BYTES = 2048
SENT = "firstlight.sent"  # extension of a request: how often it has been sent

Attributes = dict[str, str | int]


def _overflowed(labels: tuple[str, ...]) -> tuple[str, ...]:
    dependency, _, status, error, _, _ = labels
    return dependency, OVERFLOW, class_of(status), OVERFLOW if error else "", OVERFLOW, OVERFLOW


class Called:
    """What all calls of one dependency share."""

    def __init__(self, name: str, known_methods: frozenset[str]) -> None:
        """`known_methods` are those that the label may have; others become `_OTHER`."""
        self.name = name
        self.failures = FailureLog(name)
        self.children = Children(REQUEST_DURATION, _overflowed)
        self._known = known_methods

    def method(self, request: httpx2.Request) -> str:
        """The method of the request, or `_OTHER`."""
        return request.method if request.method in self._known else OTHER_METHOD


def address(request: httpx2.Request) -> tuple[str, int]:
    """The server of a request: host name or IP address, and port."""
    url = request.url
    return url.host, url.port or (443 if url.scheme == "https" else 80)


def started(request: httpx2.Request, method: str) -> tuple[str, Attributes]:
    """Name and attributes of the span at its start, which samplers may read."""
    host, port = address(request)
    attributes: Attributes = {
        "http.request.method": method,
        "server.address": host,
        "server.port": port,
        "url.full": _shown(request.url),
    }
    if method == OTHER_METHOD:
        attributes["http.request.method_original"] = cut(request.method, METHOD_BYTES)
    if sent := request.extensions.get(SENT):
        attributes["http.request.resend_count"] = sent
    return "HTTP" if method == OTHER_METHOD else method, attributes


def _shown(url: httpx2.URL) -> str:
    """The URL without credentials and secrets."""
    bare = url.copy_with(query=None, fragment=None, username=None, password=None)
    credentials = "REDACTED:REDACTED@" if url.userinfo else ""
    place = redact_text(str(bare)).replace("://", f"://{credentials}", 1)
    query = f"?{redacted(url.query.decode('ascii', 'replace'))}" if url.query else ""
    return cut(place + query, URL_BYTES)


class Call:
    """One call. Only the first call of `end` counts."""

    def __init__(self, dependency: Called, request: httpx2.Request, method: str, span: Span) -> None:
        """Start the clock: the request is sent now."""
        self._dependency, self._request, self._method, self._span = dependency, request, method, span
        self._started = time.perf_counter()
        self._to_headers: float | None = None
        self._status = 0
        self._ended = False

    def answered(self, response: httpx2.Response) -> None:
        """The headers of the response have arrived."""
        self._to_headers = time.perf_counter() - self._started
        self._status = response.status_code
        if self._span.is_recording():
            self._span.set_attributes(_answer(response))

    def end(self, error: BaseException | None = None) -> None:
        """The response is complete, or has failed with `error`. A call cancelled by its caller is not a failure."""
        if self._ended:
            return
        self._ended = True
        cancelled = isinstance(error, asyncio.CancelledError)
        status, failure = str(self._status or ""), ""
        if error is not None and not cancelled:
            failure = error_type(error)
            self._dependency.failures.write(self._method, failure, error)
        elif self._status >= CLIENT_ERROR:
            failure = status
        seconds = self._to_headers
        if seconds is None or error is not None:
            seconds = time.perf_counter() - self._started
        host, port = address(self._request)
        labels = (self._dependency.name, self._method, status, failure, host, str(port))
        self._dependency.children[labels].observe(seconds)
        if failure:
            self._span.set_attribute("error.type", failure)
            self._span.set_status(Status(StatusCode.ERROR))
        if cancelled:
            self._span.add_event("cancelled")
        self._span.end()


def _answer(response: httpx2.Response) -> Attributes:
    """The attributes of the connection and the response."""
    attributes: Attributes = {"http.response.status_code": response.status_code}
    version = response.extensions.get("http_version", b"").decode("ascii", "replace")
    if version.startswith("HTTP/"):
        attributes["network.protocol.version"] = version.removeprefix("HTTP/")
    stream = response.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    if isinstance(peer, tuple):
        attributes["network.peer.address"], attributes["network.peer.port"] = peer[:2]
    return attributes
