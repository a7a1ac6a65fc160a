"""Numbers and times for people."""

import time

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
NOTHING = "-"


def duration(seconds: float | None) -> str:
    """Such as `1.2 ms` or `3.41 s`."""
    if seconds is None:
        return NOTHING
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def percent(ratio: float | None) -> str:
    """Such as `99.95 %`. What is not 0 is not shown as 0."""
    if ratio is None:
        return NOTHING
    text = f"{ratio * 100:.2f}".rstrip("0").rstrip(".")
    return f"{'<0.01' if ratio > 0 and text == '0' else text} %"


def number(value: float | None) -> str:
    """Such as `1,204`, `3.2` or `0.05`."""
    if value is None:
        return NOTHING
    if value >= 100 or value == int(value):  # noqa: PLR2004 - three digits
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def since(moment: float | None) -> str:
    """The local time of a moment, in seconds since the epoch."""
    return NOTHING if moment is None else time.strftime("%H:%M:%S", time.localtime(moment))


def age(seconds: float) -> str:
    """In the largest unit of which there is one, such as `3 min`."""
    for length, unit in UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return "0 s"
