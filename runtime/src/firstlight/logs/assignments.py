"""Finds names with their values in any text: headers, JSON, forms, `key=value`, representations, XML, YAML.

The time is linear in the length of the text: what has been looked at for one value is not looked at for the next.
"""

import re
from collections.abc import Iterator

from . import extents
from .secret_formats import REDACTED
from .secret_names import MARKS, MAY_END, NAMES_ANOTHER, VALUE_OF_ANOTHER, Kind, Names, is_name
from .secret_values import are_numbers, is_code, is_directory, is_said, is_sentence, is_shown

_NAMED = re.compile(
    r"(?<![\w.-])(?P<dashes>--?)?+(?:\d{1,3}+(?=[^\W\d]))?+(?P<name>[^\W\d][\w.-]*+)"
    r"(?:(?P<quote>\\*+[\"'`])\]?+\s{0,32}+|\]?+[ \t]{0,8}+)"
    r"(?P<separator>=>|:=|->|[=:,]|%3[ADad]|(?<=[ \t])(?=\\*+[\"'])|(?(dashes)(?<=[ \t])(?=[^\s=:,-])|(?!)))"
    r"(?P<space>=?[ \t]*+(?:(?<=:)\n\s*+(?=[\"'{\[]))?+)"
)
_XML = re.compile(r"<([\w:.-]++)(?:\s[^<>]{0,200})?>(?:<!\[CDATA\[)?([^<]++)(?=</|\]\]>)")
_PHRASE = re.compile(r"([A-Za-z-]{1,16}[ ](?:[A-Za-z-]{1,16}[ ])?)$")
_LINE_BEGINS = re.compile(r"(?:^|[\r\n]|\\[nr])[ \t]*(?:[<>*-] ?)?$")
_VALUE_NAME = re.compile(r"(?:[bu](?=[\"']))?\\*+[\"']?([\w.-]{1,64}+)")
_SUBJECT = re.compile(r"[A-Za-z]{1,32}+(?= [A-Za-z\"'])")
_LINE_CHARACTERS = 24  # before a name, that are looked at for the beginning of the line
_NEAR = 64  # characters between a name's name and its value
_STRICT_DIGITS = 1
_QUERY_NAMES = frozenset(("code", "key", "sig", "state", "ticket", "nonce"))
_OF_QUERY = Kind("query", (), 5)
Region = tuple[int, int]


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
            if (region := self._region(text, match, kind)) is not None:
                yield region
                done = region[1]

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

    def _region(self, text: str, match: re.Match[str], kind: Kind) -> Region | None:
        """What is to be replaced of the value that begins behind a name; nothing where it is not secret."""
        start, separator = match.end(), match["separator"]
        is_pair = separator != "," or self._is_pair(text, match)
        if not is_pair or not _may_follow(text, match, kind) or is_said(text, start):
            return None
        content = extents.quoted(text, start)
        if content is not None:
            begin, end, _ = content
            told = is_said(text, begin) or is_shown(text[begin:end], kind)
            return None if told else (begin, end)
        if text[start] in "[{(":
            return _in_brackets(text, start)
        return _unquoted(text, match, kind)

    def _is_pair(self, text: str, match: re.Match[str]) -> bool:
        """Whether a name and the value behind its comma are all that stands between two brackets."""
        value = extents.quoted(text, match.end()) if match["quote"] else None
        if value is None or is_name(text[value[0] : value[1]], self._names):
            return False
        before = text[max(0, match.start() - 8) : match.start()].rstrip("\\\"'`").rstrip("bBuUrR")
        return bool(match["dashes"]) or (before.endswith(("(", "[")) and text[value[2] : value[2] + 1] in (")", "]"))


def _may_follow(text: str, match: re.Match[str], kind: Kind) -> bool:
    """Whether a value may begin here: without a separator only `PASSWORD 'x'` of SQL and `--token x`."""
    first = text[match.end() : match.end() + 1]
    if match["separator"] or match["dashes"]:
        return bool(first)
    return kind.digits <= _STRICT_DIGITS and first in ("\\", '"', "'")


def _in_brackets(text: str, start: int) -> Region | None:
    inside = extents.quoted(text, start + 1)
    if inside is not None and is_said(text, inside[0]):
        return None
    end = extents.bracketed(text, start)
    return None if are_numbers(text, start, end) else (start, end)


def _unquoted(text: str, match: re.Match[str], kind: Kind) -> Region | None:
    start, colon = match.end(), match["separator"] == ":"
    if colon and (block := extents.block(text, start)) > start:
        return start, block
    if is_code(text, start):
        return None
    name = match["name"].lower()
    in_prose = colon and text[start - 1] in " \t"
    header = name.endswith(("authorization", "cookie"))
    end = _end(text, match, kind, header=header)
    if end <= start or is_shown(text[start:end], kind):
        return None
    first = text[start : extents.bare(text, start)]
    told = text[start:end] if kind.kind == "proof" else first
    if kind.kind == "proof" and " " not in told:
        told = told.rpartition("=")[2]
    if is_shown(told, kind) or told.lower() == name or (in_prose and not header and is_sentence(text, start, kind)):
        return None
    if is_directory(name, first):
        return None
    return start, end


def _end(text: str, match: re.Match[str], kind: Kind, *, header: bool) -> int:
    start = match.end()
    name = match["name"].lower()
    own_line = match["separator"] == ":" and not match["quote"] and _begins_line(text, match.start())
    if own_line and (header or not kind.prose):
        return extents.line(text, start)
    if name.endswith("cookie"):
        return extents.cookies(text, start)
    has_scheme = kind.kind == "proof" and (header or match["separator"] == ":")
    return extents.credentials(text, start) if has_scheme else extents.bare(text, start)


def _begins_line(text: str, start: int) -> bool:
    return _LINE_BEGINS.search(text[max(0, start - _LINE_CHARACTERS) : start]) is not None
