"""Tracebacks for a person: the service's own frames stand out, those of libraries are folded."""

import json
import re
from pathlib import Path

import pytest

from firstlight.logs.frames import folded
from firstlight.logs.tracebacks import rendered
from firstlight.terminal import Paint

HERE = Path(__file__)
PLAIN = Paint(wanted=False)


def failed(*, cause: bool = False) -> Exception:
    """An error from inside a library, called from here."""
    try:
        try:
            json.loads("{")
        except Exception as error:
            if cause:
                msg = "no such\naddress"
                raise LookupError(msg) from error
            raise
    except Exception as error:  # noqa: BLE001 - a library's
        return error
    raise AssertionError


def test_frames_of_libraries_are_folded_but_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last is where it happened. Paths are those that an editor finds from here."""
    monkeypatch.chdir(HERE.parent)
    lines = list(folded(rendered(failed()), PLAIN))
    assert lines[0] == "Traceback (most recent call last):"
    assert re.fullmatch(r"  test_frames\.py:\d+ in failed", lines[1])
    assert lines[2] == '    json.loads("{")'
    assert re.fullmatch(r"  \.\.\. \d+ frames? of python", lines[3])
    assert re.fullmatch(r"  /.*/json/decoder\.py:\d+ in \w+", lines[4])
    assert lines[-1].startswith("json.decoder.JSONDecodeError: ")
    assert len(lines) == 7


def test_only_the_frames_of_the_service_are_bright() -> None:
    """And the line that names the error, which may go on."""
    lines = list(folded(rendered(failed(cause=True)), Paint(wanted=True)))
    bright = [re.sub(r"\x1b\[\d*m", "", line) for line in lines if line.startswith("\x1b[1m")]
    named = [re.sub(r".*/|:\d+|: .*", "", line) for line in bright]
    assert named == [
        "test_frames.py in failed",
        "json.decoder.JSONDecodeError",
        "test_frames.py in failed",
        "LookupError",
    ]
    assert "address" in lines


def test_a_syntax_error_keeps_its_mark() -> None:
    """As the interpreter writes it, without a function."""
    text = (
        'Traceback (most recent call last):\n  File "<frozen importlib>", line 1, in f\n'
        '  File "/x/page.py", line 3\n    def (\n        ^\nSyntaxError: bad\n'
    )
    assert list(folded(text, PLAIN))[1:] == [
        "  ... 1 frame of python",
        "  /x/page.py:3",
        "    def (",
        "        ^",
        "SyntaxError: bad",
    ]


def test_members_of_a_group_keep_their_bar() -> None:
    """Their frames are folded as well."""
    error = ExceptionGroup("two", [failed(), KeyError("x")])
    lines = list(folded(rendered(error), PLAIN))
    assert [line for line in lines if re.fullmatch(r"\|   .*test_frames\.py:\d+ in failed", line)]
    assert [line for line in lines if re.fullmatch(r"\|   \.\.\. \d+ frames? of .*", line)]
