"""Tracebacks with a limited number of frames: a recursion has thousands, and the tracker's SDK drops all of them."""

from types import TracebackType

OUTER_FRAMES, INNER_FRAMES = 30, 70


def shortened(traceback: TracebackType | None) -> TracebackType | None:
    """The first and the last frames of a long traceback; a short one as it is."""
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
