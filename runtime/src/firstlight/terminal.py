"""Colours for a person at a terminal: none in a file or a pipe, on a terminal without them, or with `NO_COLOR` set."""

import os
from typing import TextIO

_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}


class Paint:
    """Puts text into colours, or leaves it as it is."""

    def __init__(self, *, wanted: bool) -> None:
        """Colours are `wanted`, or not."""
        self._wanted = wanted

    def __call__(self, text: str, *styles: str) -> str:
        """The text in these styles: `bold`, `dim`, or a colour."""
        if not (self._wanted and styles and text):
            return text
        return "".join(f"\x1b[{_CODES[style]}m" for style in styles) + f"{text}\x1b[0m"


def paint_for(stream: TextIO) -> Paint:
    """What suits a stream. https://no-color.org says what `NO_COLOR` means."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Paint(wanted=not plain and stream.isatty())


def printable(text: str) -> str:
    """Text without what moves the cursor, ends a line or turns the direction of writing."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
