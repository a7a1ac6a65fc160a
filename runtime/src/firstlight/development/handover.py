"""The variables with which the supervisor passes information to the service. Absent in production."""

import os
import time

RELOADED_AT = "FIRSTLIGHT_RELOADED_AT"
"""Seconds of the monotonic clock at which a change was seen; empty at the first start."""
CONSOLE_TOKEN = "CONSOLE_TOKEN"  # noqa: S105 - the name of a variable

CONSOLE_FOLDER = "FIRSTLIGHT_CONSOLE_FOLDER"
"""Where the console tells its address to `make look`."""
CONSOLE_BUFFERS = "FIRSTLIGHT_CONSOLE_BUFFERS"
"""The number of an open file without a name, in which the console keeps what was recorded before a reload."""


def is_supervised() -> bool:
    """Whether a supervisor runs this process."""
    return RELOADED_AT in os.environ


def seconds_since_change() -> float | None:
    """The seconds since the change for which this process was started, or None at the first start."""
    try:
        return max(0.0, time.monotonic() - float(os.environ.get(RELOADED_AT, "")))
    except ValueError:
        return None
