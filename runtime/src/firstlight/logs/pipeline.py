"""Structured logs on standard output: one event, one line; structlog, the standard library and warnings alike.

An event's name is dotted and in the past tense; everything else is a field. A field for every line of a
request belongs in `structlog.contextvars.bind_contextvars`.
"""

import logging
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from opentelemetry import trace

from ..context import REQUEST
from ..identity import Identity
from ..metrics.instruments import LOG_EVENTS_BY_LEVEL
from ..settings import Settings
from .redaction import redact
from .sink import Output

Event = MutableMapping[str, Any]
Emit = Callable[[Event], None]
Report = Callable[[BaseException], object]
_JSON = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
_CONTROL = dict.fromkeys((*range(32), 127, *range(128, 160), 0x2028, 0x2029), "\N{REPLACEMENT CHARACTER}")
_IDENTITY = ("timestamp", "service", "version", "env")  # a caller cannot set these
# uvicorn reports what the data plane has reported already, and without the request's ids.
_REPORTED = "_firstlight_reported"
_REPORTED_BY_US = "Exception in ASGI application"


def _ignore(_: BaseException) -> None:
    """Report nothing."""


def configure(settings: Settings, identity: Identity, output: Output, *, report: Report = _ignore) -> Emit:
    """Send every line of this process through one pipeline to `output`. Returns a function for complete events.

    `report` is called once for each exception that a line at level error or above carries.
    """
    ours = {"service": identity.name, "version": identity.version, "env": settings.environment}
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stdout.isatty())
    render = _console if console else _json
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]

    def emit(event: Event) -> None:
        if _LEVELS[event["level"]] >= level:
            LOG_EVENTS_BY_LEVEL[event["level"]].inc()
            # `level` and `event` are named here for their place in the line; their values come with the event.
            line = {"timestamp": datetime.now(UTC), "level": "", "event": "", **ours, **event}
            output.write(render(line))

    _END.emit, _END.report = emit, report
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_request,
        structlog.processors.add_log_level,
        _report,
        structlog.processors.format_exc_info,
        _redact,
        _hand_over,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _END,
        cache_logger_on_first_use=True,
    )
    _bridge(level)
    return emit


_LEVELS = {name.lower(): number for name, number in logging.getLevelNamesMapping().items()}


class _End:
    """What structlog calls its logger. Loggers are cached at first use; here they get the last pipeline configured."""

    emit: Emit
    report: Report

    def debug(self, event: Event) -> None:
        self.emit(event)

    info = warning = error = critical = msg = debug


_END = _End()


class _Bridge(logging.Handler):
    """Standard library records, as events of the same pipeline."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "uvicorn.error" and str(record.msg).startswith(_REPORTED_BY_US):
            return
        level = record.levelname.lower()
        log = structlog.get_logger()
        name = level if level in LOG_EVENTS_BY_LEVEL else "info"
        getattr(log, name)(_message(record), logger=record.name, exc_info=record.exc_info)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - wrong arguments are the caller's bug, and no reason to fail
        return f"{record.msg} (with wrong arguments)" if isinstance(record.msg, str) else type(record.msg).__qualname__


def _bridge(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for chatty, quiet in _QUIET.items():
        logging.getLogger(chatty).setLevel(quiet)


# Loggers that say what our own events say, repeat on every retry what we report once, or write what a client sent them.
_QUIET = {
    "uvicorn.error": logging.WARNING,
    "opentelemetry.exporter": logging.CRITICAL,
    "opentelemetry.trace.span": logging.ERROR,
    "opentelemetry.trace.propagation": logging.ERROR,
    "opentelemetry.baggage": logging.ERROR,
    "urllib3": logging.ERROR,
}


def _report(_: object, level: str, event: Event) -> Event:
    """Report the exception of an error once, however many lines tell of it."""
    error = event.get("exc_info")
    error = sys.exc_info()[1] if error is True else error[1] if isinstance(error, tuple) else error
    if _LEVELS[level] >= logging.ERROR and isinstance(error, BaseException) and not hasattr(error, _REPORTED):
        setattr(error, _REPORTED, True)
        _END.report(error)
    return event


def _add_request(_: object, __: str, event: Event) -> Event:
    request = REQUEST.get()
    if request is None:
        return event
    span = trace.get_current_span().get_span_context()
    event.update(request._asdict())
    if span.is_valid:
        event.update(trace_id=f"{span.trace_id:032x}", span_id=f"{span.span_id:016x}")
    return event


def _redact(_: object, __: str, event: Event) -> Event:
    safe: Event = redact(event)
    return safe


def _hand_over(_: object, __: str, event: Event) -> tuple[tuple[Event], dict[str, Any]]:
    for name in _IDENTITY:
        event.pop(name, None)
    return (event,), {}


def _json(event: Event) -> bytes:
    return orjson.dumps(event, default=repr, option=_JSON)


_pretty = structlog.dev.ConsoleRenderer(pad_event_to=24)


def _without_controls(value: Any) -> Any:
    return value.translate(_CONTROL) if isinstance(value, str) else value


def _console(event: Event) -> bytes:
    """For a person at a terminal, which must not be steered by what a client sent."""
    exception = event.pop("exception", None)
    event = {_without_controls(key): _without_controls(value) for key, value in event.items()}
    event["timestamp"] = f"{event['timestamp']:%H:%M:%S.%f}"[:-3]
    if exception is not None:
        event["exception"] = "\n".join(line.translate(_CONTROL) for line in exception.splitlines())
    return f"{_pretty(None, '', event)}\n".encode(errors="backslashreplace")
