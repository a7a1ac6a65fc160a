"""Structured logs on standard output: one event, one line; structlog, the standard library and warnings alike.

An event's name is dotted, such as `order.paid`; everything else is a field. A field for every line of a
request belongs in `structlog.contextvars.bind_contextvars`. No call raises: what cannot be shown is a marker.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog
from opentelemetry import trace

from ..context import REQUEST
from ..identity import Identity
from ..settings import Settings
from ..terminal import paint_for
from . import bridge, rendering
from .console import Console
from .emit import Emit, Event, Render
from .hold import hold_structlog
from .limits import KEY_BYTES, cut
from .logger import LEVELS, Logger
from .redaction import redact
from .reports import Report, claim, ignore
from .sink import Output, Sink
from .tracebacks import rendered
from .values import fields
from .watched import Watch, watched

# Sixteenths of what telemetry may hold in memory; spans have 8, reports and caches 1 each. Half of it if the lines wait
# in a second queue as well, which has the other half.
SHARE_OF_TELEMETRY, SHARE_OF_ONE = 6, 3
_IDENTITY = ("timestamp", "service", "version", "env")  # a caller cannot set these


def configure(
    settings: Settings,
    identity: Identity,
    output: Output,
    *,
    report: Report = ignore,
    watch: Watch | None = None,
) -> Emit:
    """Send every line of this process through one pipeline to `output`. Returns the object that writes complete events.

    `report` is called once for each exception that a line at level error or above carries. `watch` gets each line of
    JSON, also where the lines are rendered for a terminal.
    """
    if isinstance(output, Sink):
        share = SHARE_OF_ONE if settings.exports("logs") else SHARE_OF_TELEMETRY
        output.limit(settings.telemetry_bytes * share // 16)
    ours = {"service": identity.name, "version": identity.version, "env": settings.environment}
    ours = {name: cut(value, KEY_BYTES) for name, value in ours.items()}
    render: Render = Console(settings, paint_for(sys.stdout)) if is_for_a_terminal(settings) else rendering.json
    if watch is not None:
        render, output = watched(render, output, watch)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]

    emit = Emit(ours, level, render, output)
    _END.level, _END.write, _END.write_remains, _END.report = level, emit, emit.write_remains, report
    hold_structlog(
        processors=list(_PROCESSORS),  # what captures events in a test replaces them in place
        wrapper_class=Logger,
        logger_factory=lambda *_: _END,
        cache_logger_on_first_use=True,
    )
    bridge.install(level)
    return emit


def is_for_a_terminal(settings: Settings) -> bool:
    """Whether lines are rendered for people."""
    return settings.log_format == "console" or (settings.log_format == "auto" and sys.stdout.isatty())


def set_level(name: str) -> None:
    """Write lines from this level on, in place of the one in the settings. Any thread may call it."""
    level = LEVELS[name]
    _END.level = _END.write.level = level
    logging.getLogger().setLevel(level)


class _End:
    """What structlog calls its logger. Loggers are cached at first use; here they get the last pipeline configured."""

    level: int
    write: Emit
    write_remains: Callable[[Any, Any, BaseException], None]
    report: Report


_END = _End()


def _add_exception(_: object, level: str, event: Event) -> Event:
    error = _error(event.pop("exc_info", None))
    if error is None:
        return event
    # First, so that no number of other fields takes its place.
    event.pop("exception", None)
    event = {"event": event.pop("event"), "exception": rendered(error), **event}
    if LEVELS[level] >= LEVELS["error"] and claim(error):
        try:
            _END.report(error)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001, S110 - the line tells of the error, whether or not its report works
            pass
    return event


def _error(exc_info: Any) -> BaseException | None:
    """The error that `True`, an exception or the interpreter's triple stands for. A class may lie about itself."""
    if issubclass(type(exc_info), tuple):
        exc_info = exc_info[1] if len(exc_info) > 1 else None
    if issubclass(type(exc_info), BaseException):
        error: BaseException = exc_info
        return error
    return sys.exc_info()[1] if exc_info else None


def _make_plain(_: object, __: str, event: Event) -> Event:
    return fields(event)


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
    for name in _IDENTITY:
        safe.pop(name, None)
    return safe


_PROCESSORS: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.StackInfoRenderer(additional_ignores=[__package__]),
    _add_exception,
    _make_plain,
    _add_request,
    structlog.processors.add_log_level,
    _redact,
)
