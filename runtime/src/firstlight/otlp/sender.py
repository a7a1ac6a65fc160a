"""Sends encoded batches by OTLP over HTTP, within one time limit for all attempts."""

import http.client
import random
import threading
import time
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import structlog
from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # as the generated modules use it

from ..exchanges.poster import Answer, Poster
from ..metrics.instruments import TELEMETRY_DROPPED
from .deliveries import ExportError
from .destination import Destination

log = structlog.get_logger()

_RETRYABLE = frozenset({429, 502, 503, 504})
_ATTEMPTS = 6
_JITTER = 0.2
_MESSAGE_CHARACTERS = 500
REPORT_SECONDS = 60.0  # between two lines about rejected items


class Response(Protocol):
    """The message in the body of a success: what the collector has rejected."""

    @staticmethod
    def FromString(s: bytes) -> Any:  # noqa: N802 - the name of the generated classes
        """Read it. Raises `DecodeError`."""


class Sender:
    """Sends over HTTP with limits on time and size. The stock exporter has none, and takes a redirect for a success."""

    def __init__(self, destination: Destination, response: type[Response], rejected: str) -> None:
        """Prepare to send. No connection is opened yet. `rejected` is the number in the partial success of `response`.

        Nothing is read from the environment.
        """
        self._destination = destination
        self._response, self._field = response, rejected
        self._rejected = TELEMETRY_DROPPED.labels(destination.signal, "rejected")
        self._poster = Poster(destination.url, destination.context)
        self._ended = threading.Event()
        self._reported = -REPORT_SECONDS
        self._unreported = 0

    def send(self, body: bytes, items: int) -> None:
        """Send one batch of so many items. Raises `ExportError`, at the latest when the time limit is over."""
        deadline = time.monotonic() + self._destination.seconds
        compress = self._destination.compress
        self._read(self._posted(compress(body) if compress else body, deadline), items)

    def close(self) -> None:
        """Stop retrying: an export that waits for its next attempt fails at once."""
        self._ended.set()
        self._poster.close()

    def _posted(self, body: bytes, deadline: float) -> Answer:
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

    def _read(self, answer: Answer, items: int) -> None:
        """Count the items that the collector rejected, and log its message."""
        try:
            partial = self._response.FromString(answer.body).partial_success
        except DecodeError:
            return  # the body cannot be read, but the status says success
        rejected = min(max(getattr(partial, self._field), 0), items)
        self._rejected.inc(rejected)
        self._unreported += rejected
        if (rejected or partial.error_message) and time.monotonic() - self._reported >= REPORT_SECONDS:
            message, signal = partial.error_message[:_MESSAGE_CHARACTERS], self._destination.signal
            log.warning("telemetry.export_rejected", signal=signal, rejected=self._unreported, reason=message)
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
