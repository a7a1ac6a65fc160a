"""Colours for terminals. None in a file or a pipe, on a terminal without colours, or with `NO_COLOR` set."""

import os
from typing import TextIO

_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}


class Paint:
    """Adds colour codes to text, or returns it unchanged."""

    def __init__(self, *, wanted: bool) -> None:
        """`wanted` switches colours on."""
        self._wanted = wanted

    def __call__(self, text: str, *styles: str) -> str:
        """The text with the codes of these styles: `bold`, `dim`, or a colour."""
        if not (self._wanted and styles and text):
            return text
        return "".join(f"\x1b[{_CODES[style]}m" for style in styles) + f"{text}\x1b[0m"


def paint_for(stream: TextIO) -> Paint:
    """The `Paint` for a stream. https://no-color.org defines `NO_COLOR`."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Paint(wanted=not plain and stream.isatty())


def printable(text: str) -> str:
    """Text without characters that move the cursor, end a line or change the direction of writing."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
