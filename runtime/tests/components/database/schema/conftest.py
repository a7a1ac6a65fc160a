"""An empty database of each kind, and the events of a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/links.sqlite3"
    made: str = request.getfixturevalue("postgresql_url")
    return made


@pytest.fixture
def entries() -> Iterator[list[EventDict]]:
    """The events so far, with their fields."""
    with capture_logs() as entries:
        yield entries
