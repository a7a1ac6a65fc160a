"""Stacks as text: one line for each frame, the outermost first, without local variables."""

from collections.abc import Iterable, Mapping, Sequence
from types import CodeType, FrameType
from typing import Any

from ..logs.limits import cut
from ..logs.redaction import redact_text

MOST_FRAMES = 100  # of one stack: the innermost
MOST_GROUPS = 200
MOST_NAMES = 5  # of one group

Stack = tuple[str, ...]


def line(code: CodeType, number: int) -> str:
    """One frame: function, file and line."""
    return f"{code.co_qualname} ({code.co_filename}:{number})"


def frames_of(frame: FrameType | None) -> Sequence[FrameType]:
    """The frames of a stack, from `frame` outwards, at most `MOST_FRAMES`."""
    found: list[FrameType] = []
    while frame is not None and len(found) < MOST_FRAMES:
        found.append(frame)
        frame = frame.f_back
    return found


def stack_of(frame: FrameType | None) -> Stack:
    """The stack that ends in `frame`."""
    return tuple(line(each.f_code, each.f_lineno) for each in reversed(frames_of(frame)))


def grouped(named: Iterable[tuple[str, Stack]]) -> Mapping[str, Any]:
    """Names by stack, the largest group first: `{"items": [{"count", "stack", "names"}], "left_out": <groups>}`.

    A name may have been chosen by anybody, so it is shortened and redacted.
    """
    groups: dict[Stack, list[str]] = {}
    for name, stack in named:
        groups.setdefault(stack, []).append(name)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    items = [
        {"count": len(names), "stack": [*stack], "names": [redact_text(cut(name)) for name in names[:MOST_NAMES]]}
        for stack, names in ordered[:MOST_GROUPS]
    ]
    return {"items": items, "left_out": max(0, len(ordered) - MOST_GROUPS)}
