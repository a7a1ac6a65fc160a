"""What must not leave the process in telemetry: secrets and personal data, in text and in structured values.

Formats that identify a secret, names whose values are secret, and the grammar between name and value.
`docs/guides/redaction.md` lists all of it. Any text takes linear time, since clients choose some of it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from .addresses import without_credentials, without_mail, without_user_of
from .assignments import Assignments
from .command_lines import USER_OPTIONS, without_user, without_users
from .secret_formats import REDACTED, Formats
from .secret_names import MARKS, VALUE_OF_ANOTHER, Kind, Names, Redaction, is_name, names_another
from .secret_values import are_numbers, is_directory, is_number_shown, is_shown
from .sentences import without_told

__all__ = ["REDACTED", "Redaction", "configure", "is_denied", "redact", "redact_member", "redact_text"]

# What needs no further look: words, paths and ids, without anything as long as a token. Most texts are such.
_ID = r"[\da-f-]{1,64}+(?![\w.-])"
_SEGMENT = rf"(?:{_ID}|(?!{_ID})(?:[\w-]{{0,15}}+\.)*[\w-]{{0,15}}+)"  # with one way to match, or time is exponential
_PLAIN = re.compile(rf"(?:{_SEGMENT}/)*{_SEGMENT}", re.ASCII)
_SHORT = re.compile(r"[\w-]{0,15}+(?:[./][\w-]{0,15}+)*", re.ASCII)
_WORDS = re.compile(r"[\w./~-]*+", re.ASCII)
# Routes, levels and names of events come again and again. Together below 1 MiB: clients choose some of them.
_REMEMBERED, _REMEMBERED_CHARACTERS = 1024, 64
_ASSIGNED = re.compile(r"[=:,>\"']|%3|--")
_SCHEME = re.compile(r"(?i:\b(bearer|basic|negotiate|ntlm)[ ]++)(?![\w-]{1,32}+=[^=\s])([\w.~+/=-]{6,}+)(?![\"'\\])")
_SCHEMES = ("bearer ", "basic ", "negotiate ", "ntlm ")
_MIXED = 12  # characters from which capitals inside a word make it a token
_BYTES = re.compile(r"b(['\"])(.*)\1", re.DOTALL)
_INPUT = re.compile(r"\binput_value=[^\n]{0,200}?(?=, input_type=)")  # what pydantic says of a value it refuses
_PAIR = 2
_NETLOC = "netloc"  # of what `urllib.parse` returns
_MAX_DEPTH = 10
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1  # beyond them JSON's readers differ


class _Rules:
    """The current rules: the platform's tables, with the additions of the service."""

    def __init__(self, redaction: Redaction) -> None:
        self.names = Names(redaction)
        self.formats = Formats(redaction.prefixes)
        self.assignments = Assignments(self.names)
        self.remembered = lru_cache(maxsize=_REMEMBERED)(self.redacted)

    def redacted(self, text: str) -> str:
        """The text after these rules."""
        plain = "eyJ" not in text and ".com/" not in text and not any(own in text for own in self.formats.own)
        if plain and _PLAIN.fullmatch(text) is not None:
            return text
        if _WORDS.fullmatch(text) is not None:
            return self.formats.replaced(text)
        if not text.isascii():  # a lone surrogate could not be written
            text = text.encode(errors="backslashreplace").decode()
        if "input_value=" in text:
            text = _INPUT.sub(f"input_value={REDACTED}", text)
        text = without_mail(without_users(without_credentials(self.formats.replaced(text))))
        if _ASSIGNED.search(text) is not None:
            text = self.assignments.replaced(text)
        lower = text.lower()
        if any(scheme in lower for scheme in _SCHEMES):
            text = _SCHEME.sub(_credentials, text)
        return without_told(text, lower, self.names)


class _Force:
    """Holds the current rules of the process, which the last created application has set."""

    rules = _Rules(Redaction())


def configure(redaction: Redaction) -> None:
    """Use the additions and exceptions of a service from now on."""
    _Force.rules = _Rules(redaction)


def is_denied(name: str) -> bool:
    """Whether a value under this name is secret."""
    return _kind(name) is not None


def _kind(name: str) -> Kind | None:
    kind = _Force.rules.names.of(name)
    return None if kind is None or kind in MARKS else kind


def redact_text(text: str) -> str:
    """Free text without secrets, mail addresses, and the values of a URL's query."""
    rules = _Force.rules
    if _SHORT.fullmatch(text) is not None and "eyJ" not in text and ".com/" not in text and not rules.formats.own:
        return text
    return rules.remembered(text) if len(text) <= _REMEMBERED_CHARACTERS else rules.redacted(text)


def _credentials(match: re.Match[str]) -> str:
    scheme, token = match.groups()
    mixed = len(token) >= _MIXED and not token[1:].islower() and not token.isupper() and token.isalnum()
    is_token = mixed or token.endswith("=") or any(map(str.isdigit, token))
    return f"{scheme} {REDACTED}" if is_token else match[0]


def redact(value: Any, depth: int = 0) -> Any:
    """A redacted copy of a structured value, made of JSON types.

    Values that are nested too deep are left out. Other objects become their text representation.
    """
    if isinstance(value, str):
        return redact_text(value)
    known = value is None or isinstance(value, bool | float | datetime | UUID)
    if known or (isinstance(value, int) and _MIN_INTEGER <= value <= _MAX_INTEGER):
        return value
    if depth > _MAX_DEPTH:
        return REDACTED
    if isinstance(value, Mapping):
        return dict(_members(value, depth))
    if isinstance(value, list | tuple | set | frozenset):
        return _pair(value) or list(_items(value, depth))
    return redact_text(_shown(value))


def redact_member(name: object, value: Any) -> Any:
    """The value as it is, unless its name says that it is secret."""
    kind = _kind(name) if isinstance(name, str) else None
    return REDACTED if kind is not None and _is_hidden(str(name), value, kind) else value


def _items(items: Iterable[Any], depth: int) -> Iterator[Any]:
    """Each value of a list. In a list of arguments, the value after an option for a secret is hidden."""
    option, kind, users = "", None, False
    for item in items:
        hidden = kind is not None and isinstance(item, str) and not item.startswith("-")
        if hidden and kind and _is_hidden(option, item, kind):
            yield REDACTED
        else:
            yield redact(without_user(item) if users and option in USER_OPTIONS else item, depth + 1)
        is_option = isinstance(item, str) and item.startswith("-")
        option = item.lstrip("-") if is_option else ""
        kind = _kind(option) if option else None
        users = users or (isinstance(item, str) and item.endswith("curl"))


def _members(mapping: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
    names = _Force.rules.names
    for key, value in mapping.items():
        name = key if isinstance(key, str) else _shown(key)
        kind = names.of(name)
        if kind is VALUE_OF_ANOTHER:
            kind = next(_named(mapping), None)  # the name may come later
        hidden = kind is not None and kind not in MARKS and _is_hidden(name, value, kind)
        shown = without_user_of(value) if name == _NETLOC and isinstance(value, str) else value
        yield redact_text(name), REDACTED if hidden else redact(shown, depth + 1)


def _named(mapping: Mapping[Any, Any]) -> Iterator[Kind]:
    """The kinds that members such as `"name": "password"` name for the value beside them."""
    names = _Force.rules.names
    for key, value in mapping.items():
        if isinstance(key, str) and isinstance(value, str) and names_another(names.of(key), key):
            kind = _kind(_unwrapped(value))
            if kind is not None:
                yield kind


def _pair(items: Any) -> list[Any] | None:
    """The redacted pair, if the items are a name and a value, such as a header."""
    if len(items) != _PAIR or isinstance(items, set | frozenset) or not all(isinstance(each, str) for each in items):
        return None
    name, value = map(_unwrapped, items)
    kind = _kind(name)
    hidden = kind is not None and not is_name(value, _Force.rules.names) and _is_hidden(name, value, kind)
    return [redact_text(items[0]), REDACTED] if hidden else None


def _is_hidden(name: str, value: Any, kind: Kind) -> bool:
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return not is_number_shown(sum(map(str.isdigit, repr(value))), kind)
    if isinstance(value, str):
        text = _unwrapped(value)
        return not (is_shown(text, kind) or is_directory(name, text) or are_numbers_of(text, kind))
    if isinstance(value, Mapping | Sequence | set | frozenset):
        return any(_is_hidden(name, each, kind) for each in (value.values() if isinstance(value, Mapping) else value))
    return True


def are_numbers_of(text: str, kind: Kind) -> bool:
    """Whether a list of numbers is written out, of names whose numbers are counts."""
    return kind.digits > _PAIR and text[:1] in ("[", "{", "(") and are_numbers(text, 0, len(text))


def _unwrapped(text: str) -> str:
    """The text of bytes that are written as Python writes them."""
    wrapped = _BYTES.fullmatch(text) if text.startswith("b") else None
    return wrapped[2] if wrapped else text


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - somebody else's class, and a log call must not fail
        return f"<{type(value).__qualname__}>"
