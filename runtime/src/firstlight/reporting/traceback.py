"""Shortens tracebacks: a recursion has thousands of frames, and Sentry's SDK would drop all of them."""

from types import TracebackType

OUTER_FRAMES, INNER_FRAMES = 30, 70


def shortened(traceback: TracebackType | None) -> TracebackType | None:
    """The first 30 and the last 70 frames of a long traceback; a short one unchanged."""
    entries = []
    entry = traceback
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    if len(entries) <= OUTER_FRAMES + INNER_FRAMES:
        return traceback
    short: TracebackType | None = None
    for entry in reversed(entries[:OUTER_FRAMES] + entries[-INNER_FRAMES:]):
        short = TracebackType(short, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return short
