"""Writes complete events: one line each. An event that cannot be rendered becomes a line that says so."""

from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

from ..metrics.instruments import LOG_EVENTS_BY_LEVEL, LOGS_NOT_RENDERED
from . import rendering
from .limits import cut
from .logger import LEVELS
from .redaction import redact_text
from .sink import Output
from .timestamps import Timestamps
from .values import marker

Event = MutableMapping[str, Any]
Render = Callable[[Any], bytes]


class Emit:
    """Writes events. A call never raises."""

    def __init__(self, ours: Mapping[str, str], level: int, render: Render, output: Output) -> None:
        """Add the fields `ours` to each event of at least `level`, `render` it, and write it to `output`.

        `level` may be changed later.
        """
        self._ours = ours
        self.level = level
        self._render = render
        self.output = output
        self.timestamps = Timestamps()

    def __call__(self, event: Event) -> None:
        """Write one event."""
        try:
            if LEVELS[event["level"]] >= self.level:
                LOG_EVENTS_BY_LEVEL[event["level"]].inc()
                self.output.write(self._render(self._line(datetime.now(UTC), event)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the caller cannot repair it
            self.write_remains(event.get("level"), event.get("event"), error)

    @property
    def writes_json(self) -> bool:
        """Whether events are written as lines of JSON."""
        return self._render is rendering.json

    def json(self, timestamp: str, event: Event) -> bytes:
        """The line of JSON of an event."""
        return rendering.json(self._line(timestamp, event))

    def write_remains(self, level: Any, event: Any, error: BaseException) -> None:
        """Write one line for an event that cannot be rendered: its name and a marker, and count it."""
        try:
            LOGS_NOT_RENDERED.inc()
            known = level if type(level) is str and level in LEVELS else "error"
            text = redact_text(cut(event)) if isinstance(event, str) else marker(event)
            line = {"timestamp": datetime.now(UTC), "level": known, "event": text, **self._ours}
            self.output.write(self._render({**line, "not_rendered": marker(error)}))
        except Exception:  # noqa: BLE001, S110 - without stack or memory even this fails
            pass

    def _line(self, timestamp: datetime | str, event: Event) -> dict[str, Any]:
        # `level` and `event` are named here for their place in the line; their values come with the event.
        return {"timestamp": timestamp, "level": "", "event": "", **self._ours, **event}
