"""The structlog logger of the runtime. Its calls never raise, and accept all arguments."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from structlog import BoundLoggerBase, DropEvent

from .messages import fields as named
from .messages import message

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_STEP = 10


class End(Protocol):
    """The end of the pipeline. `level` is the lowest level that is written."""

    level: int

    def write(self, event: dict[str, Any]) -> None:
        """Write a complete event."""

    def write_remains(self, level: str, event: Any, error: BaseException) -> None:
        """Write the remains of an event that could not be rendered, and count it."""


def level_at(number: int) -> str:
    """The highest level whose number in the standard library is not above `number`, or the lowest level."""
    return tuple(LEVELS)[min(max(number // _STEP, 1), len(LEVELS)) - 1]


class Logger(BoundLoggerBase):
    """A method for each level with all names that structlog has, and the same as coroutines.

    A value that cannot be rendered becomes a marker. Arguments that do not fit into the text become a field. Only
    `KeyboardInterrupt`, which may occur at any time, is passed on.
    """

    _logger: End

    def is_enabled_for(self, level: int) -> bool:
        """Whether events of this level are written."""
        return level >= self._logger.level

    def get_effective_level(self) -> int:
        """The lowest level that is written."""
        return self._logger.level

    def log(self, level: int, event: Any = None, /, *arguments: Any, **fields: Any) -> None:
        """Log at a numeric level."""
        number = int.__int__(level) if issubclass(type(level), int) else LEVELS["info"]
        if number >= self._logger.level:
            self._write(level_at(number), event, arguments, fields)

    async def alog(self, level: int, event: Any = None, /, *arguments: Any, **fields: Any) -> None:
        """Log at a numeric level."""
        self.log(level, event, *arguments, **fields)

    def exception(self, event: Any = None, /, *arguments: Any, **fields: Any) -> None:
        """Log an error with the exception that is being handled."""
        fields.setdefault("exc_info", True)
        if LEVELS["error"] >= self._logger.level:
            self._write("error", event, arguments, fields)

    async def aexception(self, event: Any = None, /, *arguments: Any, **fields: Any) -> None:
        """Log an error with the exception that is being handled."""
        self.exception(event, *arguments, **fields)

    def _write(self, level: str, event: Any, arguments: tuple[Any, ...], fields: dict[str, Any]) -> None:
        try:
            if event is None:
                event = fields.pop("event", None)
            text, rest = message(event, arguments)
            line: Any = {"event": text, **named(self._context, fields), **rest}
            for process in self._processors:
                line = process(self._logger, level, line)
            self._logger.write(line)
        except DropEvent:
            return
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a logging call must not raise into its caller
            try:  # noqa: SIM105 - a context manager takes another call
                self._logger.write_remains(level, event, error)
            except RecursionError:  # the caller has used up the stack
                pass


def _method(level: str) -> Callable[..., None]:
    number = LEVELS[level]

    def log(self: Logger, event: Any = None, /, *arguments: Any, **fields: Any) -> None:
        if number >= self._logger.level:
            self._write(level, event, arguments, fields)

    return log


def _awaited(method: Callable[..., None]) -> Callable[..., Awaitable[None]]:
    """The method as a coroutine function. It needs no thread, because it does not block."""

    async def log(self: Logger, event: Any = None, /, *arguments: Any, **fields: Any) -> None:
        method(self, event, *arguments, **fields)

    return log


_OTHER_NAMES = {"warn": "warning", "fatal": "critical", "msg": "info"}
for _name, _level in ({level: level for level in LEVELS} | _OTHER_NAMES).items():
    setattr(Logger, _name, _method(_level))
    setattr(Logger, f"a{_name}", _awaited(_method(_level)))
