"""Renders a traceback for a terminal: frames of the service are highlighted, those of libraries are folded.

The text may come from `tracebacks` or from the interpreter.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ..terminal import Paint, printable
from .tracebacks import SEPARATOR, is_ours

_FRAME = re.compile(r'(?P<bar>(?:\| )*)  File "(?P<file>.+)", line (?P<line>\d+)(?:, in (?P<function>.+))?')
_HEADING = "Traceback (most recent call last):"
_LAST_LINE = re.compile(r"(?:\| )*[\w.]+(?:: .*)?")
_LIBRARY = re.compile(r".*/(?:site|dist)-packages/(?P<rest>(?P<name>[^/]+).*)")
_NAMED = 4  # libraries in one folded line


class _Frame(NamedTuple):
    bar: str
    """In front of the members of a group."""
    file: str
    line: str
    function: str
    source: list[str]

    @property
    def is_ours(self) -> bool:
        return is_ours(self.file)


def folded(text: str, paint: Paint) -> Iterator[str]:
    """The lines of a traceback or stack. A summary before the complete traceback is left out."""
    _, separator, complete = text.partition(f"\n{SEPARATOR}\n")
    lines = complete if separator else text
    after_frames = False
    for is_frame, run in groupby(_items(map(printable, lines.splitlines())), lambda item: isinstance(item, _Frame)):
        if is_frame:
            yield from _frames([item for item in run if isinstance(item, _Frame)], paint)
        else:
            yield from _texts([item for item in run if isinstance(item, str)], paint, after_frames=after_frames)
        after_frames = is_frame


def _items(lines: Iterable[str]) -> Iterator[_Frame | str]:
    frame: _Frame | None = None
    for line in lines:
        match = _FRAME.fullmatch(line)
        if match is not None:
            if frame is not None:
                yield frame
            frame = _Frame(match["bar"], match["file"], match["line"], match["function"] or "", [])
        elif frame is not None and line.startswith(f"{frame.bar}    "):
            frame.source.append(line.removeprefix(frame.bar))
        else:
            if frame is not None:
                yield frame
            frame = None
            yield line
    if frame is not None:
        yield frame


def _frames(frames: list[_Frame], paint: Paint) -> Iterator[str]:
    """The last frame raised the exception: it is shown, also when it is a library's."""
    last = frames[-1]
    for ours, run in groupby(frames, lambda frame: frame.is_ours or frame is last):
        if not ours:
            yield _fold(list(run), paint)
            continue
        for frame in run:
            place = f"{_place(frame.file)}:{frame.line}"
            function = f" in {frame.function}" if frame.function else ""
            yield frame.bar + paint(f"  {place}{function}", *(("bold", "cyan") if frame.is_ours else ("dim",)))
            yield from (frame.bar + paint(line, *(() if frame.is_ours else ("dim",))) for line in frame.source)


def _fold(frames: list[_Frame], paint: Paint) -> str:
    names = list(dict.fromkeys(_library(frame.file) for frame in frames))
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    count = f"{len(frames)} frames" if len(frames) > 1 else "1 frame"
    return frames[0].bar + paint(f"  ... {count} of {shown}", "dim")


def _texts(lines: list[str], paint: Paint, *, after_frames: bool) -> Iterator[str]:
    """The other lines: the first after frames has the error, the others its message or the relation of two errors."""
    for number, line in enumerate(lines):
        names_error = number == 0 and after_frames and _LAST_LINE.fullmatch(line)
        yield paint(line, *(("bold", "red") if names_error else ("dim",) if line.endswith(_HEADING) else ()))


def _place(file: str) -> str:
    """The file relative to the current directory, so that editors find it, or to the directory of libraries."""
    here = f"{Path.cwd()}/"
    match = _LIBRARY.fullmatch(file)
    return match["rest"] if match is not None else file.removeprefix(here)


def _library(file: str) -> str:
    match = _LIBRARY.fullmatch(file)
    if match is not None:
        return match["name"].removesuffix(".py")
    return "firstlight" if "/firstlight/" in file else "python"
