"""Finds names with their values in any text: headers, JSON, forms, `key=value`, representations, XML, YAML.

The time is linear in the length of the text. What is hidden for one name is not looked at for the next; what is shown
is looked at again, for names in it, until the text has been looked at `_LOOKS` times. Whatever is left then is hidden.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from . import extents
from .secret_formats import REDACTED
from .secret_names import MARKS, MAY_END, NAMES_ANOTHER, VALUE_OF_ANOTHER, Kind, Names, is_name
from .secret_values import are_numbers, is_said, is_shown
from .unquoted import unquoted

_NAMED = re.compile(
    r"(?<![\w.-])(?P<dashes>--?)?(?:\d{1,3}+(?=[^\W\d]))?(?P<name>[^\W\d][\w.-]*+)"
    r"(?:(?P<quote>\\*+[\"'`])\]?+\s{0,32}+|\]?+[ \t]{0,8}+)"
    r"(?P<separator>=>|:=|->|[=:,]|%3[ADad]|(?<=[ \t])(?=\\*+[\"'])|(?(dashes)(?<=[ \t])(?=[^\s=:,-])|(?!)))"
    r"(?P<space>=?[ \t]*+(?:(?<=:)\n\s*+(?=[\"'{\[]))?)"
)
_XML = re.compile(r"<([\w:.-]++)(?:\s[^<>]{0,200})?>(?:<!\[CDATA\[)?([^<]++)(?=</|\]\]>)")
_PHRASE = re.compile(r"([A-Za-z-]{1,16}[ ](?:[A-Za-z-]{1,16}[ ])?)$")
_OF_A_PARSER = re.compile(r"\b(?:unexpected|expected|illegal|unknown|stray|next|last) $", re.IGNORECASE)
_VALUE_NAME = re.compile(r"(?:[bu](?=[\"']))?\\*+[\"']?([\w.-]{1,64}+)")
_SUBJECT = re.compile(r"[A-Za-z]{1,32}+(?= [A-Za-z\"'])")
_NEAR = 64  # characters between a name's name and its value
_STRICT_DIGITS = 1
_QUERY_NAMES = frozenset(("code", "key", "sig", "state", "ticket", "nonce"))
_OF_QUERY = Kind("query", (), 5)
_LOOKS = 8  # times the length of a text, beyond a short one; ordinary text takes less than one
_SHORT = 1024  # characters
Region = tuple[int, int]


class _Value(NamedTuple):
    """What is secret behind a name, which may be nothing, and how far has been looked for it."""

    start: int
    end: int
    looked: int


class Assignments:
    """Replaces the values of secret names in text."""

    def __init__(self, names: Names) -> None:
        """`names` tells which are secret."""
        self._names = names

    def replaced(self, text: str) -> str:
        """The text without these values."""
        parts, done = [], 0
        for start, end in self._regions(text):
            parts += [text[done:start], REDACTED]
            done = end
        text = "".join((*parts, text[done:])) if parts else text
        return _XML.sub(self._element, text) if "</" in text else text

    def _element(self, match: re.Match[str]) -> str:
        kind = self._names.of(match[1].rpartition(":")[2])
        if kind is None or kind in MARKS or is_shown(match[2], kind):
            return match[0]
        return match[0][: match.start(2) - match.start()] + REDACTED

    def _regions(self, text: str) -> Iterator[Region]:
        done, kind_of = 0, self._names.of
        left = _LOOKS * len(text) + _SHORT
        pending: tuple[int, Kind] | None = None
        for match in _NAMED.finditer(text):
            kind = kind_of(match["name"])
            if match.start() < done or (kind is None and text[match.start() - 1 : match.start()] not in "\\?&"):
                continue
            kind = self._read(text, match, kind)
            if kind is NAMES_ANOTHER:
                pending = self._named(text, match) or pending
                continue
            if kind is VALUE_OF_ANOTHER:
                kind = pending[1] if pending is not None and match.start() - pending[0] < _NEAR else None
            if kind is None or self._names_itself(text, match, kind):
                continue
            value = self._value(text, match, kind)
            left -= value.looked - match.end()
            if left < 0:
                yield match.end(), len(text)
                return
            if value.end > value.start:
                yield value.start, value.end
                done = value.end

    def _read(self, text: str, match: re.Match[str], kind: Kind | None) -> Kind | None:
        """The kind of a name in this text, with the text before it."""
        name, start = match["name"], match.start()
        before = text[start - 1] if start else ""
        if kind is None and before == "\\" and name[0] in "nrt":
            kind = self._names.of(name[1:])
        if kind is None and before and before in "?&" and name.lower() in _QUERY_NAMES:
            return _OF_QUERY
        if kind is MAY_END:
            phrase = _PHRASE.search(text, max(0, start - 34), start)
            kind = self._names.of(phrase[1] + name) if phrase else None
            if kind is None or kind in MARKS:
                return NAMES_ANOTHER if name.lower() == "key" else None
            return kind
        if kind not in MARKS and "." in name and match["separator"] == ":" and not match["quote"]:
            kind = self._names.of(name.rpartition(".")[2])  # a host or a module; the last part may be a field
        return kind

    def _named(self, text: str, match: re.Match[str]) -> tuple[int, Kind] | None:
        """The kind that a value such as `"name": "password"` names, and where that ends."""
        named = _VALUE_NAME.match(text, match.end())
        kind = self._names.of(named[1]) if named is not None else None
        return None if named is None or kind is None or kind in MARKS else (named.end(), kind)

    def _names_itself(self, text: str, match: re.Match[str], kind: Kind) -> bool:
        """Whether a sentence follows that begins with the thing: `passwd: password updated`."""
        word = _SUBJECT.match(text, match.end()) if match["separator"] == ":" else None
        return word is not None and self._names.of(word[0]) is kind

    def _value(self, text: str, match: re.Match[str], kind: Kind) -> _Value:
        """The value that begins behind a name."""
        start = match.end()
        content = extents.quoted(text, start)
        shown = _Value(start, start, start if content is None else content[2])
        if match["separator"] == "," and not self._is_pair(text, match, content):
            return shown
        if not _may_follow(text, match, kind) or is_said(text, start) or _is_of_a_parser(text, match, kind):
            return shown
        if content is not None:
            begin, end, _ = content
            told = is_said(text, begin) or is_shown(text[begin:end], kind)
            return shown if told else _Value(begin, end, content[2])
        if text[start] in "[{(":
            return _in_brackets(text, start)
        return _Value(*unquoted(text, match, kind))

    def _is_pair(self, text: str, match: re.Match[str], value: tuple[int, int, int] | None) -> bool:
        """Whether a name and the value behind its comma are all that stands between two brackets."""
        if not match["quote"] or value is None or is_name(text[value[0] : value[1]], self._names):
            return False
        before = text[max(0, match.start() - 8) : match.start()].rstrip("\\\"'`").rstrip("bBuUrR")
        return bool(match["dashes"]) or (before.endswith(("(", "[")) and text[value[2] : value[2] + 1] in (")", "]"))


def _is_of_a_parser(text: str, match: re.Match[str], kind: Kind) -> bool:
    """Whether the token is one of a grammar: `unexpected token: X`."""
    start = match.start()
    return kind.kind == "token" and _OF_A_PARSER.search(text, max(0, start - 12), start) is not None


def _may_follow(text: str, match: re.Match[str], kind: Kind) -> bool:
    """Whether a value may begin here: without a separator only `PASSWORD 'x'` of SQL and `--token x`."""
    first = text[match.end() : match.end() + 1]
    if match["separator"] or match["dashes"]:
        return bool(first)
    return kind.digits <= _STRICT_DIGITS and first in ("\\", '"', "'")


def _in_brackets(text: str, start: int) -> _Value:
    inside = extents.quoted(text, start + 1)
    if inside is not None and is_said(text, inside[0]):
        return _Value(start, start, inside[2])
    end = extents.bracketed(text, start)
    return _Value(start, start if are_numbers(text, start, end) else end, end)
