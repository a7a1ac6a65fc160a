"""The threads of the process, grouped by their stack."""

import sys
import threading
from collections.abc import Mapping
from typing import Any

from .stacks import grouped, stack_of


def threads() -> Mapping[str, Any]:
    """All threads that run Python, without the calling one: `{"items": [{"count", "stack", "names"}], "left_out"}`."""
    names = names_of_threads()
    found = sys._current_frames()  # noqa: SLF001 - documented, underscore and all
    found.pop(threading.get_ident(), None)
    return grouped((names.get(ident, "without a name"), stack_of(frame)) for ident, frame in found.items())


def names_of_threads() -> Mapping[int, str]:
    """The name of each thread that `threading` knows, by its identifier."""
    return {thread.ident: thread.name for thread in threading.enumerate() if thread.ident is not None}
