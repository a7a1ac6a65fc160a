"""The events of a test."""

from collections.abc import Iterator

import pytest

from ..databases import Events, capture_logs


@pytest.fixture
def entries() -> Iterator[Events]:
    """The events so far, with their fields."""
    with capture_logs() as entries:
        yield entries
