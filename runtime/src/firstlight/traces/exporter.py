"""Sends batches of spans by OTLP over HTTP, within one time limit for all attempts."""

import http.client
import random
import threading
import time
from collections.abc import Sequence
from email.message import Message
from email.utils import parsedate_to_datetime

import structlog
from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # as the generated modules use it
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ..exchanges.poster import Answer, Poster
from ..metrics.instruments import TRACES_REJECTED
from .destination import Destination
from .encoding import encode
from .queue import ExportError

log = structlog.get_logger()

_RETRYABLE = frozenset({429, 502, 503, 504})
_ATTEMPTS = 6
_JITTER = 0.2
_MESSAGE_CHARACTERS = 500
REPORT_SECONDS = 60.0  # between two lines about rejected spans


class OtlpExporter(SpanExporter):
    """Sends over HTTP with limits on time and size. The stock exporter has none, and takes a redirect for a success."""

    def __init__(self, destination: Destination) -> None:
        """Prepare to send to `destination`. No connection is opened yet."""
        self._destination = destination
        self._poster = Poster(destination.url, destination.context)
        self._ended = threading.Event()
        self._reported = -REPORT_SECONDS
        self._unreported = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch. Raises `ExportError`, at the latest when the time limit is over."""
        deadline = time.monotonic() + self._destination.seconds
        body = encode(spans)
        answer = self._send(self._destination.compress(body) if self._destination.compress else body, deadline)
        self._read(answer, len(spans))
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Stop retrying: an export that waits for its next attempt fails at once."""
        self._ended.set()
        self._poster.close()

    def _send(self, body: bytes, deadline: float) -> Answer:
        reason = ""
        for attempt in range(_ATTEMPTS):
            backoff = 2**attempt * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - to spread, not to hide
            try:
                left = max(deadline - time.monotonic(), 0)
                answer = self._poster.post(body, self._destination.headers, left)
            except (OSError, http.client.HTTPException) as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                reason = f"{answer.status} {answer.reason}"
                if 200 <= answer.status < 300:  # noqa: PLR2004 - the class of success
                    return answer
                if answer.status not in _RETRYABLE:
                    raise ExportError(reason)
                backoff = _retry_after(answer.headers, backoff)
            if backoff > deadline - time.monotonic() or self._ended.wait(backoff):
                break
        raise ExportError(reason)

    def _read(self, answer: Answer, spans: int) -> None:
        """Count the spans that the collector rejected, and log its message."""
        try:
            partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
        except DecodeError:
            return  # the body cannot be read, but the status says success
        rejected = min(max(partial.rejected_spans, 0), spans)
        TRACES_REJECTED.inc(rejected)
        self._unreported += rejected
        if (rejected or partial.error_message) and time.monotonic() - self._reported >= REPORT_SECONDS:
            message = partial.error_message[:_MESSAGE_CHARACTERS]
            log.warning("telemetry.export_rejected", signal="traces", rejected=self._unreported, reason=message)
            self._reported = time.monotonic()
            self._unreported = 0


def _retry_after(headers: Message, otherwise: float) -> float:
    """The seconds of a `Retry-After` header, which may hold seconds or a date."""
    stated = headers.get("retry-after") or ""
    try:
        return max(float(stated), 0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(stated).timestamp() - time.time(), 0)
    except (ValueError, OverflowError):
        return otherwise
