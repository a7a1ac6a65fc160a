"""Renders an error as text of at most 16 KiB: its line, the frames of the service's code, then the whole traceback.

The standard library's `traceback` is not used: it reads the source of each of thousands of frames, and calls methods
that an exception may override. The functions here do not raise.
"""

import linecache
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .limits import KEY_BYTES, TRACE_BYTES, cut, cut_middle
from .values import marker, module_name, type_name

if TYPE_CHECKING:
    from types import TracebackType

SEPARATOR = "-- complete traceback --"
_MESSAGE_BYTES = 2048
_PLACE_BYTES = 512  # one file name, one line of source
_FIRST, _LAST = 20, 40  # frames of one error; half as many of the service's own code
_SAME = 3  # frames of a recursion, as the interpreter shows it
_ERRORS = 8  # errors of one chain or group
_NOTES = 10
_LIBRARIES = ("site-packages", "dist-packages")
_NOT_OURS = (
    f"{Path(__file__).parent.parent}/",
    *(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "scripts")),
)
# Read past the class of the exception, which may override them.
_attribute = {
    name: BaseException.__dict__[name].__get__
    for name in ("__traceback__", "__cause__", "__context__", "__suppress_context__")
}
_members_of = BaseExceptionGroup.__dict__["exceptions"].__get__
_RELATIONS = {
    "__cause__": "The above exception was the direct cause of the following exception:",
    "__context__": "During handling of the above exception, another exception occurred:",
}


class _Frame(NamedTuple):
    file: str
    line: int
    function: str
    module: dict[str, Any]  # its globals, for the source in an archive

    def place(self) -> tuple[str, int, str]:
        """The key for comparing frames: equal ones look the same."""
        return self[:3]

    def __str__(self) -> str:
        source = ""
        with suppress(Exception):  # a loader may raise anything
            source = linecache.getline(self.file, self.line, self.module).strip()
        place = f'  File "{cut(self.file, _PLACE_BYTES)}", line {self.line}, in {cut(self.function, KEY_BYTES)}\n'
        return f"{place}    {cut(source, _PLACE_BYTES)}\n" if source else place


def rendered(error: BaseException) -> str:
    """The error's line, the frames of the service's own code, innermost last, a separating line, and the traceback."""
    try:
        text = f"{''.join(_summary(error))}{SEPARATOR}\n{''.join(_complete(error, set())).rstrip()}"
        return cut_middle(text, TRACE_BYTES)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the line must be written without its traceback
        return f"{type_name(type(error))}: {marker(error)}"


def _summary(error: BaseException) -> Iterator[str]:
    for number, each in enumerate(_related(error)):
        yield f"{'Caused by ' if number else ''}{_line(each)}\n"
        frames = _frames(each)
        ours = {file for file in {frame.file for frame in frames} if is_ours(file)}
        yield from _shown([frame for frame in frames if frame.file in ours], _FIRST // 2, _LAST // 2)


def _related(error: BaseException) -> list[BaseException]:
    """The error, its causes, and the members of groups, each once."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting and len(found) < _ERRORS:
        each = waiting.pop(0)
        if all(each is not other for other in found):
            found.append(each)
            waiting += [*_members(each), *(before for _, before in _before(each))]
    return found


def _complete(error: BaseException, seen: set[int]) -> Iterator[str]:
    """The traceback as the interpreter prints it, without the markers below source lines."""
    seen.add(id(error))
    for relation, before in _before(error):
        if id(before) not in seen:
            yield from _complete(before, seen) if len(seen) < _ERRORS else ("...[cut earlier errors]\n",)
            yield f"\n{relation}\n\n"
    frames = _frames(error)
    if frames:
        yield "Traceback (most recent call last):\n"
        yield from _shown(frames, _FIRST, _LAST)
    yield f"{_line(error)}\n"
    yield from (f"{note}\n" for note in _notes(error))
    members = _members(error)
    for number, member in enumerate(members, 1):
        if len(seen) >= _ERRORS:
            yield f"...[cut {len(members) - number + 1} errors]\n"
            return
        if id(member) not in seen:
            yield f"+---------------- {number} ----------------\n"
            yield from (f"| {line}\n" for line in "".join(_complete(member, seen)).splitlines())


def _before(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    cause = _attribute["__cause__"](error)
    if cause is not None:
        yield _RELATIONS["__cause__"], cause
    elif (context := _attribute["__context__"](error)) is not None and not _attribute["__suppress_context__"](error):
        yield _RELATIONS["__context__"], context


def _members(error: BaseException) -> tuple[BaseException, ...]:
    if not issubclass(type(error), BaseExceptionGroup):
        return ()
    members: tuple[BaseException, ...] = _members_of(error)
    return members


def _frames(error: BaseException) -> list[_Frame]:
    frames = []
    step: TracebackType | None = _attribute["__traceback__"](error)
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(_Frame(code.co_filename, step.tb_lineno, code.co_name, step.tb_frame.f_globals))
        step = step.tb_next
    return frames


def _shown(frames: list[_Frame], first: int, last: int) -> Iterator[str]:
    steps = list(_without_repetition(frames))
    left_out = len(steps) - first - last
    if left_out <= 0:
        yield from map(str, steps)
        return
    yield from map(str, steps[:first])
    yield f"  ...[cut {left_out} frames]\n"
    yield from map(str, steps[-last:])


def _without_repetition(frames: list[_Frame]) -> Iterator[_Frame | str]:
    for _, same in groupby(frames, _Frame.place):
        run = list(same)
        yield from run[:_SAME]
        if len(run) > _SAME:
            yield f"  [Previous line repeated {len(run) - _SAME} more times]\n"


def is_ours(file: str) -> bool:
    """Whether the file is part of the service: neither of this library, nor of another, nor of Python."""
    return not (file.startswith(("<", *_NOT_OURS)) or any(f"/{folder}/" in file for folder in _LIBRARIES))


def _line(error: BaseException) -> str:
    """The last line of a traceback: module, class and message."""
    name, module = type_name(type(error)), module_name(type(error))
    qualified = name if module in ("", "builtins", "__main__") else f"{module}.{name}"
    try:
        message = cut(str(error), _MESSAGE_BYTES)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - somebody else's class
        message = "<exception str() failed>"
    return f"{qualified}: {message}" if message else qualified


def _notes(error: BaseException) -> list[str]:
    try:
        notes = getattr(error, "__notes__", None)
        return [cut(str(note), _PLACE_BYTES) for note in notes[:_NOTES]] if isinstance(notes, list) else []
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - somebody else's class
        return ["<exception __notes__ failed>"]
