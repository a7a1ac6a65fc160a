"""Errors as text: the service's own frames first, both ends of the rest, in little time, whatever the error does."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from firstlight.logs.limits import TRACE_BYTES
from firstlight.logs.tracebacks import SEPARATOR, rendered

from .hostile import Refusal, Refusing

DEEP = 4000


@contextmanager
def stack(depth: int) -> Iterator[None]:
    """Allow a deep recursion."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth)
    yield
    sys.setrecursionlimit(before)


def raised(function: Callable[[], object]) -> BaseException:
    """The error that a function raises."""
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - to be shown
        return error
    pytest.fail("nothing was raised")


def parts(error: BaseException) -> tuple[list[str], str]:
    """The lines before the separator, and the text behind it."""
    text = rendered(error)
    assert len(text.encode(errors="replace")) <= TRACE_BYTES
    before, _, after = text.partition(f"{SEPARATOR}\n")
    return before.splitlines(), after


def again(depth: int) -> None:
    """Call itself."""
    if depth:
        again(depth - 1)
    else:
        msg = "deep enough"
        raise ValueError(msg)


def there(depth: int) -> None:
    """Call a function that calls this one."""
    back(depth - 1)


def back(depth: int) -> None:
    """Call a function that calls this one."""
    if depth > 0:
        there(depth)
    else:
        msg = "far enough"
        raise ValueError(msg)


def test_the_error_comes_first_then_the_frames_of_the_service() -> None:
    """Frames of libraries and of the standard library are in the complete traceback only."""
    lines, complete = parts(raised(lambda: json.loads("{", object_hook=None)))
    assert lines[0].startswith("json.decoder.JSONDecodeError: Expecting property name")
    places = [line for line in lines if line.startswith("  File ")]
    assert places
    assert all(__file__ in place for place in places)
    assert lines[-1].strip().startswith("lines, complete = parts(raised(lambda: json.loads(")
    assert complete.startswith("Traceback (most recent call last):\n")
    assert "/json/decoder.py" in complete
    assert complete.rstrip().splitlines()[-1].startswith("json.decoder.JSONDecodeError: ")


def test_the_innermost_frame_is_last() -> None:
    """With file, line, function and source."""
    lines, _ = parts(raised(lambda: there(3)))
    number = back.__code__.co_firstlineno + 6
    assert lines[-2:] == [f'  File "{__file__}", line {number}, in back', "    raise ValueError(msg)"]


@pytest.mark.parametrize("function", [again, there])
def test_a_deep_recursion_is_shown_quickly_by_its_ends(function: Callable[[int], None]) -> None:
    """4,000 frames, of one function or of two in turn."""
    with stack(DEEP * 3):
        error = raised(lambda: function(DEEP))
    took = []
    for _ in range(3):
        began = time.thread_time()
        lines, complete = parts(error)
        took.append(time.thread_time() - began)
    assert min(took) < 0.5  # 0.02 without coverage; 4,000 frames with their source lines take seconds
    assert lines[0].startswith("ValueError: ")
    assert lines[-1] == "    raise ValueError(msg)"
    assert "in raised\n" in complete
    assert ("[Previous line repeated 399" if function is again else "...[cut 79") in complete


def test_a_cause_is_shown_with_its_frames() -> None:
    """The error first; in the complete traceback the cause first, as the interpreter has it."""

    def fail() -> None:
        try:
            again(0)
        except ValueError as error:
            msg = "no key"
            raise KeyError(msg) from error

    lines, complete = parts(raised(fail))
    assert lines[0] == "KeyError: 'no key'"
    assert "Caused by ValueError: deep enough" in lines
    assert "in again" in lines[-2]
    assert complete.index("ValueError: deep enough") < complete.index("direct cause") < complete.index("KeyError: 'no")


def test_a_context_is_shown_unless_it_is_suppressed() -> None:
    """As the interpreter does."""

    def fail(*, suppressed: bool) -> None:
        try:
            again(0)
        except ValueError:
            error = KeyError("no key")
            if suppressed:
                error.__suppress_context__ = True
            raise error  # noqa: B904 - the context is the subject

    assert "During handling" in parts(raised(lambda: fail(suppressed=False)))[1]
    text = rendered(raised(lambda: fail(suppressed=True)))
    assert "deep enough" not in text


def test_the_members_of_a_group_are_shown_with_their_frames() -> None:
    """As a task group raises it."""

    async def task(function: Callable[[int], None]) -> None:
        function(0)

    async def fail() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(task(again))
            group.create_task(task(back))

    lines, complete = parts(raised(lambda: asyncio.run(fail())))
    assert lines[0].startswith("ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)")
    text = "\n".join(lines)
    assert "ValueError: deep enough" in text
    assert "in again" in text
    assert "| ValueError: far enough" in complete


def test_causes_that_cause_each_other_end() -> None:
    """Each is shown once."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert parts(one)[1].count("ValueError: one") == 1


def test_long_chains_and_large_groups_are_cut() -> None:
    """With a marker."""
    error = ValueError("last")
    for number in range(1000):
        before, error = error, ValueError(str(number))
        error.__context__ = before
    assert "...[cut earlier errors]" in rendered(error)
    assert "...[cut 994 errors]" in rendered(ExceptionGroup("many", [ValueError(str(n)) for n in range(1001)]))


def test_the_middle_is_cut_and_both_ends_stay() -> None:
    """The error's own line is at both."""
    error = ValueError("outer")
    error.__context__ = ValueError("x" * 5000)
    for _ in range(10):
        error.__context__, before = ValueError("x" * 5000), error.__context__
        error.__context__.__context__ = before
    text = rendered(error)
    assert len(text) <= TRACE_BYTES
    assert text.startswith("ValueError: outer\n")
    assert text.endswith("\nValueError: outer")


def test_an_error_that_refuses_everything_is_shown() -> None:
    """Its class, its frames and its traceback."""

    def fail() -> None:
        raise Refusal

    error = raised(fail)
    Refusing.armed = True
    try:
        text = rendered(error)
    finally:
        Refusing.armed = False
    assert text.splitlines()[0].endswith("Refusal: <exception str() failed>")
    assert text.count("in fail\n") == 2
    assert "<exception __notes__ failed>" in text


def test_a_message_of_megabytes_is_cut() -> None:
    """The frames stay."""
    error = raised(lambda: int("7" * 4000 + "x" * 10_000_000))
    lines, complete = parts(ValueError("x " * 5_000_000).with_traceback(error.__traceback__))
    assert "in raised" in "".join(lines)
    assert "[cut " in complete


def test_notes_are_shown() -> None:
    """Below the error."""
    error = ValueError("bad")
    error.add_note("the third one")
    assert parts(error)[1].endswith("ValueError: bad\nthe third one")
