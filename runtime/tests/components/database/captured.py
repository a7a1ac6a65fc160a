"""The events of the component, as they would be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from firstlight.logs.pipeline import configure
from firstlight.settings import Settings
from firstlight.testing.lines import Lines

from ...faults import IDENTITY


@contextmanager
def captured() -> Iterator[list[dict[str, Any]]]:
    """Its events, after the block. `structlog.testing` would miss loggers that another test has used before."""
    lines, events = Lines(), list[dict[str, Any]]()
    configure(Settings(log_format="json"), IDENTITY, lines)
    yield events
    events.extend(line for line in lines.events if line["event"].startswith("database."))
