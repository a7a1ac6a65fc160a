"""What allocates memory, by `tracemalloc`, which slows the process down while it traces. For the console only."""

import threading
import tracemalloc
from collections.abc import Mapping
from typing import Any

MOST_PLACES = 50


def memory(seconds: float, ended: threading.Event) -> Mapping[str, Any]:
    """What was allocated in the next `seconds` and is still in use: `{"items": [{"where", "bytes", "count"}]}`.

    `ended` ends it early. Tracing that somebody else has started goes on, and what it has seen before is not counted.
    """
    own = not tracemalloc.is_tracing()
    if own:
        tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        ended.wait(seconds)
        compared = tracemalloc.take_snapshot().compare_to(before, "lineno")
    finally:
        if own:
            tracemalloc.stop()
    grown = [each for each in compared if each.size_diff > 0 and each.traceback[0].filename != tracemalloc.__file__]
    largest = sorted(grown, key=lambda each: -each.size_diff)[:MOST_PLACES]
    return {
        "items": [
            {
                "where": f"{each.traceback[0].filename}:{each.traceback[0].lineno}",
                "bytes": each.size_diff,
                "count": each.count_diff,
            }
            for each in largest
        ]
    }
