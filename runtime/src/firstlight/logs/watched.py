"""Hands each line of JSON to others as well: the console, an export."""

from collections.abc import Callable
from typing import Any

from . import rendering
from .emit import Render
from .sink import Output

Watch = Callable[[bytes], None]


class _Watched:
    def __init__(self, output: Output, watch: Watch) -> None:
        self._output = output
        self._watch = watch

    def write(self, line: bytes) -> None:
        """Write the line, and show it."""
        self._output.write(line)
        self._watch(line)

    def flush(self, timeout: float) -> bool:
        """Wait until the lines are written."""
        return self._output.flush(timeout)


def together(*watches: Watch | None) -> Watch | None:
    """One watch for all of those that are there."""
    there = [each for each in watches if each is not None]
    if len(there) < 2:  # noqa: PLR2004 - nothing to call one after the other
        return there[0] if there else None

    def all_of_them(line: bytes) -> None:
        for each in there:
            each(line)

    return all_of_them


def watched(render: Render, output: Output, watch: Watch) -> tuple[Render, Output]:
    """The same `render` and `output`, one of which also hands lines of JSON to `watch`."""
    if render is rendering.json:
        return render, _Watched(output, watch)

    def both(event: Any) -> bytes:
        watch(rendering.json(event))
        return render(event)

    return both, output
