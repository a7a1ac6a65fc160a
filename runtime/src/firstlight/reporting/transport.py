"""Sends error reports: one thread, a queue limited in number and bytes, exchanges limited in time and size."""

import gzip
import http.client
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from sentry_sdk.consts import EndpointType
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from ..exchanges.poster import Answer, Poster
from ..exchanges.route import trust
from ..forks import renew_in_child
from ..metrics.instruments import ERRORS_EXPORT_FAILED, ERRORS_QUEUE_FULL, ERRORS_REJECTED, ERRORS_TOO_LARGE

log = structlog.get_logger()

MAX_REPORTS, MAX_BYTES = 100, 1_048_576  # of the queue, in compressed bytes
MAX_REPORT_BYTES = 524_288  # of one report, before compression
SECONDS = 10.0  # for one exchange
PAUSE_SECONDS = 60.0  # after a 429 that does not say how long to wait
_CLIENT = "sentry.python/firstlight"
_CLIENT_ERRORS = range(400, 500)


class ReportTransport(Transport):
    """Replaces the SDK's transport, whose queue has no limit in bytes and which reads a response without limits."""

    def __init__(self, dsn: str) -> None:
        """The thread is started by the first report."""
        super().__init__({"dsn": dsn, "org_id": None})
        assert self.parsed_dsn is not None
        auth = self.parsed_dsn.to_auth(_CLIENT)
        self._headers = {
            "Content-Type": "application/x-sentry-envelope",
            "Content-Encoding": "gzip",
            "User-Agent": _CLIENT,
            "X-Sentry-Auth": str(auth.to_header()),
        }
        context = trust() if self.parsed_dsn.scheme == "https" else None
        self._poster = Poster(auth.get_api_url(EndpointType.ENVELOPE), context)
        self._begin()
        renew_in_child(self._begin)  # the parent sends its own reports

    def _begin(self) -> None:
        self._queue: deque[bytes] = deque()
        self._bytes = self._unsent = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._silent_until = 0.0
        self._failing = False

    def capture_envelope(self, envelope: Envelope) -> None:
        """Queue a report, or count it as dropped. Does not block."""
        body = envelope.serialize()
        if len(body) > MAX_REPORT_BYTES:
            ERRORS_TOO_LARGE.inc()
            return
        if time.monotonic() < self._silent_until:
            ERRORS_REJECTED.inc()
            return
        body = gzip.compress(body, 1)
        with self._changed:
            if self._unsent >= MAX_REPORTS or self._bytes + len(body) > MAX_BYTES:
                ERRORS_QUEUE_FULL.inc()
                return
            self._queue.append(body)
            self._bytes += len(body)
            self._unsent += 1
            self._start()
            self._changed.notify_all()

    def flush(self, timeout: float, callback: Callable[[int, float], Any] | None = None) -> None:
        """Wait until every report has been sent or dropped, for at most `timeout` seconds."""
        del callback
        deadline = time.monotonic() + timeout
        while self._thread is None and time.monotonic() < deadline and self._send_next():
            pass  # from Python 3.12 on, no thread can be started while the interpreter ends
        with self._changed:
            self._changed.wait_for(lambda: not self._unsent, max(0.0, deadline - time.monotonic()))

    def kill(self) -> None:
        """End the thread. Queued reports are dropped and counted."""
        with self._changed:
            ERRORS_QUEUE_FULL.inc(len(self._queue))
            self._queue.clear()
            self._thread = None
            self._changed.notify_all()
        self._poster.close()

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="error-reports", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no thread can be started now: the next report tries again
                return
            self._thread = thread

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._thread is not me)
                if self._thread is not me:
                    return
            self._send_next()

    def _send_next(self) -> bool:
        """Send one queued report. Returns whether there was one."""
        with self._changed:
            if not self._queue:
                return False
            body = self._queue.popleft()
        self._send(body)
        with self._changed:
            self._bytes -= len(body)
            self._unsent -= 1
            self._changed.notify_all()
        return True

    def _send(self, body: bytes) -> None:
        reason = ""
        if time.monotonic() < self._silent_until:
            ERRORS_REJECTED.inc()
            return
        try:
            answer = self._poster.post(body, self._headers, SECONDS)
        except (OSError, http.client.HTTPException) as error:
            reason, lost = f"{type(error).__name__}: {error}", ERRORS_EXPORT_FAILED
        else:
            self._silent_until = max(self._silent_until, time.monotonic() + _pause(answer))
            if not 200 <= answer.status < 300:  # noqa: PLR2004 - the successful status codes
                reason = f"{answer.status} {answer.reason}"
            lost = ERRORS_REJECTED if answer.status in _CLIENT_ERRORS else ERRORS_EXPORT_FAILED
        if reason:
            lost.inc()
        if bool(reason) != self._failing:  # log only when the state changes
            self._failing = bool(reason)
            if reason:
                log.warning("telemetry.export_failed", signal="errors", reason=reason)
            else:
                log.info("telemetry.export_recovered", signal="errors")


def _pause(answer: Answer) -> float:
    """The seconds for which the server asks to send no error reports."""
    pauses = [0.0]
    for limit in (answer.headers.get("X-Sentry-Rate-Limits") or "").split(","):
        seconds, _, rest = limit.strip().partition(":")
        categories = rest.partition(":")[0]
        if seconds.isdecimal() and (not categories or "error" in categories.split(";")):
            pauses.append(float(seconds))
    if answer.status == http.HTTPStatus.TOO_MANY_REQUESTS and pauses == [0.0]:
        stated = answer.headers.get("Retry-After") or ""
        pauses.append(float(stated) if stated.isdecimal() else PAUSE_SECONDS)
    return max(pauses)
