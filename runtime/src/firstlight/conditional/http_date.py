"""Times in header fields (RFC 9110, 5.6.7), in whole seconds."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_DATE = re.compile(
    rf"(?:{_DAYS}), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}) GMT"
)


def http_date(moment: datetime) -> str:
    """The text of a time, which must have a time zone."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def moment_of(text: str) -> datetime | None:
    """The time that a text names. None if it is not one, or in one of the two obsolete formats."""
    matched = _DATE.fullmatch(text)
    if matched is None:
        return None
    day, month, year, hour, minute, second = matched.groups()
    try:
        numbers = (int(hour), int(minute), int(second))
        return datetime(int(year), _MONTHS.index(month) + 1, int(day), *numbers, tzinfo=UTC)
    except ValueError:
        return None
