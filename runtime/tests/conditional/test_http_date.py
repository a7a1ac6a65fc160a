"""Times in header fields."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.conditional.http_date import http_date, moment_of


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants it so
def test_a_time_that_was_written_is_read(moment: datetime) -> None:
    """In whole seconds."""
    assert moment_of(http_date(moment)) == moment.replace(microsecond=0)


def test_times_are_written_in_gmt() -> None:
    """Whatever their zone."""
    moment = datetime(2026, 11, 27, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert http_date(moment) == "Thu, 26 Nov 2026 23:02:03 GMT"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Thursday, 26-Nov-26 23:02:03 GMT",
        "Thu Nov 26 23:02:03 2026",
        "Thu, 31 Feb 2026 23:02:03 GMT",
        "Thu, 26 Nov 0000 23:02:03 GMT",
        "Thu, 26 Nov 2026 24:02:03 GMT",
        "Thu, 26 Nov 2026 23:02:60 GMT",
        "Thu, 26 Nov 2026 23:02:03 +0000",
        "Thu, 26 Nov 2026 23:02:03 GMT ",
        "Thu, ٢٦ Nov 2026 23:02:03 GMT",
    ],
)
def test_any_other_text_is_no_time(text: str) -> None:
    """A date that does not exist, and the obsolete formats."""
    assert moment_of(text) is None


@given(st.text(max_size=40))
def test_no_text_is_an_error(text: str) -> None:
    """It is a time, or it is not."""
    assert isinstance(moment_of(text), datetime | None)
