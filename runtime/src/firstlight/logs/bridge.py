"""Sends records of the standard library's loggers through the same pipeline."""

import logging
from typing import Any

import structlog

from .hold import hold
from .messages import fields, message

# Lines of uvicorn about errors that the data plane has reported with the request's ids, or about frames of a client,
# which could write any number of lines.
_REPORTED_BY_US = (
    "Exception in ASGI application",
    "ASGI callable returned without",
    "Invalid UTF-8 sequence received",
    "Cancel %s running task(s)",
)
# Loggers that repeat our own events, repeat an error on every retry, or write what a client has sent.
_QUIET = {
    "uvicorn.error": logging.WARNING,
    "alembic": logging.WARNING,
    "opentelemetry.exporter": logging.CRITICAL,
    "opentelemetry.trace.span": logging.ERROR,
    "opentelemetry.trace.propagation": logging.ERROR,
    "opentelemetry.baggage": logging.ERROR,
    "urllib3": logging.ERROR,
}
# The attributes of every record, and uvicorn's message with colours. All others are from `extra`.
_OWN = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"))

_ARGUMENTS = 5  # their place among the arguments of `LogRecord`


class Bridge(logging.Handler):
    """Passes records on. It has no lock, because a value that logs while it is rendered would wait for itself."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Pass one record on, unless it is below the level. Never raises."""
        try:
            if not self.filter(record) or _is_repeated(record):
                return False
            text, event = _event(record)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - somebody else's record
            event = {"logger": record.name}
            text = ""
        structlog.get_logger().log(record.levelno, text, **event)
        return True


def install(level: int) -> None:
    """Handle every record and warning of the process from this level on, whatever other code configures."""
    if logging.getLogRecordFactory() is logging.LogRecord:
        logging.setLogRecordFactory(_record)
    hold(Bridge(), level)
    logging.captureWarnings(capture=True)
    for chatty, quiet in _QUIET.items():
        logging.getLogger(chatty).setLevel(quiet)


def _record(*given: Any, **named: Any) -> logging.LogRecord:
    """A record. If the truth value of its single argument raises, it is not evaluated."""
    try:
        return logging.LogRecord(*given, **named)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - somebody else's class
        arguments = list(given)
        taken, arguments[_ARGUMENTS] = arguments[_ARGUMENTS], ()
        record = logging.LogRecord(*arguments, **named)
        record.args = taken
        return record


def _is_repeated(record: logging.LogRecord) -> bool:
    return record.name == "uvicorn.error" and str(record.msg).startswith(_REPORTED_BY_US)


def _event(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    text, rest = message(record.msg, record.args)
    event = fields({key: value for key, value in vars(record).items() if key not in _OWN}, rest)
    event.update(logger=record.name, exc_info=record.exc_info)
    if record.stack_info:
        event["stack"] = record.stack_info
    return text, event
