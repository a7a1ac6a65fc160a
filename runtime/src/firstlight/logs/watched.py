"""Hands each line of JSON to the console as well."""

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


def watched(render: Render, output: Output, watch: Watch) -> tuple[Render, Output]:
    """The same `render` and `output`, one of which also hands lines of JSON to `watch`."""
    if render is rendering.json:
        return render, _Watched(output, watch)

    def both(event: Any) -> bytes:
        watch(rendering.json(event))
        return render(event)

    return both, output
