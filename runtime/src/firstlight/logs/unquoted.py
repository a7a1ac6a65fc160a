"""Finds the end of a secret value without quotes that follows a name.

The value is the rest of a header's line, a list of credentials or of cookies, a block of YAML, or one word.
"""

import re

from . import extents
from .secret_names import Kind
from .secret_values import is_code, is_directory, is_sentence, is_shown

_LINE_BEGINS = re.compile(r"(?:^|[\r\n]|\\[nr])[ \t]*(?:[<>*-] ?)?$")
_LINE_CHARACTERS = 24  # before a name in which the beginning of the line is searched


def unquoted(text: str, match: re.Match[str], kind: Kind) -> tuple[int, int, int]:
    """Start and end of the secret part, which are equal when nothing is secret, and the last position that was read."""
    start, colon = match.end(), match["separator"] == ":"
    if colon and (block := extents.block(text, start)) > start:
        return start, block, block
    if is_code(text, start):
        return start, start, start
    end = _end(text, match, kind)
    first = extents.bare(text, start)
    told = end <= start or _is_told(text, match, kind, (end, first))
    return start, start if told else end, max(end, first)


def _is_told(text: str, match: re.Match[str], kind: Kind, ends: tuple[int, int]) -> bool:
    """Whether a value without quotes is not secret. `ends` are the end of the value and the end of its first word."""
    start, name = match.end(), match["name"].lower()
    value, first = (text[start:end] for end in ends)
    if is_shown(value, kind):
        return True
    told = value if kind.kind == "proof" else first
    if kind.kind == "proof" and " " not in told:
        told = told.rpartition("=")[2]
    if is_shown(told, kind) or told.lower() == name or is_directory(name, first):
        return True
    in_prose = match["separator"] == ":" and text[start - 1] in " \t"
    return in_prose and not _is_header(name) and is_sentence(text, start, kind)


def _is_header(name: str) -> bool:
    return name.endswith(("authorization", "cookie"))


def _end(text: str, match: re.Match[str], kind: Kind) -> int:
    start, name = match.end(), match["name"].lower()
    header = _is_header(name)
    own_line = match["separator"] == ":" and not match["quote"] and _begins_line(text, match.start())
    if own_line and (header or not kind.prose):
        return extents.line(text, start)
    if name.endswith("cookie"):
        return extents.cookies(text, start)
    has_scheme = kind.kind == "proof" and (header or match["separator"] == ":")
    return extents.credentials(text, start) if has_scheme else extents.bare(text, start)


def _begins_line(text: str, start: int) -> bool:
    return _LINE_BEGINS.search(text[max(0, start - _LINE_CHARACTERS) : start]) is not None
