"""Error reports to Sentry, when `SENTRY_DSN` is set: what failed and under which trace, never with whose data."""

import sys
from collections.abc import Callable
from typing import Any

from opentelemetry import trace

from ..identity import Identity
from ..logs.redaction import DENIED_NAMES, redact
from ..settings import Settings

Capture = Callable[[BaseException], object]


def start(settings: Settings, identity: Identity) -> tuple[Capture, Callable[[float], object]]:
    """Two functions: report an error; flush for at most so many seconds. Both do nothing without a DSN."""
    if settings.sentry_dsn is None:
        return ignore, ignore
    import sentry_sdk  # noqa: PLC0415 - a third of a second, only where it is used
    from sentry_sdk.integrations.dedupe import DedupeIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger  # noqa: PLC0415
    from sentry_sdk.scope import register_external_propagation_context  # noqa: PLC0415
    from sentry_sdk.scrubber import EventScrubber  # noqa: PLC0415

    # Our own middleware reports what fails in a request; the framework's integration would cost every request.
    ignore_logger("uvicorn.error")
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.environment,
        release=f"{identity.name}@{identity.version}",
        auto_enabling_integrations=False,
        default_integrations=False,
        integrations=[
            DedupeIntegration(),
            LoggingIntegration(level=None),  # errors of other threads and libraries, as they log them
        ],
        include_local_variables=False,
        max_request_body_size="never",
        event_scrubber=EventScrubber(denylist=list(DENIED_NAMES), recursive=True),
        before_send=_redact,
    )
    # Not its OTLPIntegration, which would patch the SDK's spans as well.
    register_external_propagation_context(_current_ids)
    return sentry_sdk.capture_exception, sentry_sdk.flush


def flush(seconds: float) -> None:
    """Send what this process has reported, for at most so many seconds. Does nothing without a DSN."""
    sdk = sys.modules.get("sentry_sdk")
    if sdk is not None:
        sdk.flush(seconds)


def ignore(_: object) -> None:
    """Report nothing."""


def _current_ids() -> tuple[str, str] | None:
    span = trace.get_current_span().get_span_context()
    return (f"{span.trace_id:032x}", f"{span.span_id:016x}") if span.is_valid else None


def _redact(event: Any, _: object) -> Any:
    return {**redact(event), "release": event["release"]}  # name@version, which looks like a mail address
