"""Error reports to Sentry, if `SENTRY_DSN` is set: with traceback, request id and trace id, without personal data."""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry import trace

from ..context import current_request
from ..forks import renew_in_child
from ..identity import Identity
from ..logs.redaction import redact
from ..metrics.instruments import ERRORS_NOT_RENDERED, ERRORS_QUEUE_FULL
from ..settings import Settings
from .traceback import shortened

Capture = Callable[[BaseException | str], object]

REPORTS, PERIOD_SECONDS = 100, 60.0  # at most 100 in 60 s, because each takes about 10 ms of CPU
VALUE_CHARACTERS = 8192


def start(settings: Settings, identity: Identity) -> tuple[Capture, Callable[[float], object]]:
    """Set the SDK up. Returns two functions: `capture(error or text)` and `flush(seconds)`.

    Neither raises. `logs.reports` ensures that an exception is captured once. Without a DSN, both do nothing.
    """
    if settings.sentry_dsn is None:
        return ignore, ignore
    import sentry_sdk  # noqa: PLC0415 - the import takes 0.3 s, so only with a DSN
    from sentry_sdk.scope import register_external_propagation_context  # noqa: PLC0415
    from sentry_sdk.scrubber import EventScrubber  # noqa: PLC0415

    from .transport import ReportTransport  # noqa: PLC0415

    dsn = settings.sentry_dsn.get_secret_value()
    # No integrations: every error is passed to `capture`, and the framework's integration would slow each request.
    sentry_sdk.init(
        dsn=dsn,
        environment=settings.environment,
        release=f"{identity.name}@{identity.version}",
        server_name=identity.instance,
        auto_enabling_integrations=False,
        default_integrations=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        max_value_length=VALUE_CHARACTERS,
        send_client_reports=False,
        event_scrubber=EventScrubber(denylist=[], pii_denylist=[]),  # it only compares names; `_finish` redacts
        before_send=_finish,
        transport=ReportTransport(dsn),
    )
    # Not the SDK's OTLPIntegration, because it also patches the spans of OpenTelemetry.
    register_external_propagation_context(_current_ids)
    return Reporter(sentry_sdk).capture, sentry_sdk.flush


def flush(seconds: float) -> None:
    """Send queued reports for at most `seconds`. Does nothing without a DSN."""
    sdk = sys.modules.get("sentry_sdk")
    if sdk is not None:
        sdk.flush(seconds)


def ignore(_: object) -> None:
    """Do nothing."""


class Reporter:
    """Reports through the SDK: each exception object once, and a limited number in a period."""

    def __init__(self, sdk: Any) -> None:
        """`sdk` is the module `sentry_sdk` after `init`."""
        self._sdk = sdk
        self._begin()
        renew_in_child(self._begin)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._began, self._reports = 0.0, 0

    def capture(self, error: BaseException | str) -> None:
        """Report an exception, or the text of a log line. Reports that are lost are counted."""
        try:
            if not self._allowed():
                ERRORS_QUEUE_FULL.inc()
            elif not (self._report(error) or self._report(_named(error))):
                ERRORS_NOT_RENDERED.inc()
        except Exception:  # noqa: BLE001 - from the SDK or the error's class: it must not replace the caller's error
            ERRORS_NOT_RENDERED.inc()

    def _allowed(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now - self._began >= PERIOD_SECONDS:
                self._began, self._reports = now, 0
            self._reports += 1
            return self._reports <= REPORTS

    def _report(self, error: BaseException | str) -> bool:
        try:
            if isinstance(error, str):
                return self._sdk.capture_message(error, level="error") is not None
            whole = (type(error), error, shortened(error.__traceback__))
            return self._sdk.capture_exception(whole) is not None
        except Exception:  # noqa: BLE001 - as above; the caller tries again with the name of the class
            return False


def _named(error: BaseException | str) -> str:
    """The text of an error that cannot be rendered: the name of its class."""
    return f"{type(error).__module__}.{type(error).__qualname__} (it cannot be rendered)"


def _current_ids() -> tuple[str, str] | None:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return f"{span.trace_id:032x}", f"{span.span_id:016x}"
    request = current_request()
    return (request.trace_id, request.span_id) if request is not None and request.trace_id else None


def _finish(event: Any, _: object) -> Any:
    """Redact the event, and add the request id."""
    release = event["release"]  # name@version would be redacted as an e-mail address
    finished = {**redact(event), "release": release}
    if (request := current_request()) is not None:
        finished["tags"] = {**(finished.get("tags") or {}), "request_id": request.request_id}
    return finished
