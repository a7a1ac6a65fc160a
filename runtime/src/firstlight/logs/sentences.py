"""Hides secrets in sentences: `the password is hunter2`, `password hunter2 was refused`.

Most sentences about a password do not contain it. So a value is hidden only when it looks like a secret: letters with
digits or signs, a long number, or quoted text. `the password is swordfish` has the form of `the password is wrong`.
"""

import re
from collections.abc import Iterator

from .secret_formats import REDACTED
from .secret_names import MARKS, Kind, Names
from .secret_values import is_said, is_shown

_VALUE = r"(?P<quote>[\"'`]?)(?P<value>[^\s\"'`]{4,128})"
_VERB = re.compile(rf" (?:is|was|equals|reads)(?: now)? {_VALUE}")
# Up to three words of a name before a verb, and the owner of the secret: `API key for bob`.
_NAME = re.compile(r"(?<![\w.-])(?P<name>(?:[A-Za-z]{1,16}[ _-]){0,2}[A-Za-z]{1,16})(?: (?:of|for) [^\s:;,]{1,64})?$")
_BEFORE = 128  # characters before a verb in which a name is searched
_PASSWORDS = ("password ", "passwd ", "passphrase ", "pwd ")  # need no verb
_NAMED = re.compile(
    rf"(?<![A-Za-z0-9.])(?P<name>(?:[a-z]{{1,16}}[_-])?(?:password|passwd|passphrase|pwd)) {_VALUE}", re.IGNORECASE
)
_WORDS = re.compile(r"[^\W\d_]+(?:[-/'][^\W\d_]+)*")
_SIGNS = re.compile(r"[!#$%^&*+=~?@]")
# Values with digits that are not secrets: algorithms, versions, measures, times, paths, placeholders, calls.
_PLAIN = re.compile(
    r"(?:sha|md|hs|rs|es|ps|base|aes|rsa|oauth|argon|pbkdf|bcrypt|scrypt|utf|http|v|x|p|h|ed|rfc|iso|tls|level)-?\d[\w.-]*"
    r"|\d[\d.,:]*-?[a-z%]{0,8}|.*[/\\()\[\]{}<>].*|[%$]\w+",
    re.IGNORECASE,
)
_NEXT_WORD = re.compile(r" [a-z]", re.IGNORECASE)
_STOPS = ".,;:!?"
_SHORTEST = 5  # characters of a secret with letters and digits


def without_told(text: str, lower: str, names: Names) -> str:
    """The text with the secrets in its sentences hidden. `lower` is the text in lower case."""
    regions = [*_behind_verbs(text, names)]
    if any(name in lower for name in _PASSWORDS):
        regions = sorted({*regions, *_behind_names(text, names)})
    parts, done = [], 0
    for start, end in regions:
        if start >= done:
            parts += [text[done:start], REDACTED]
            done = end
    return "".join((*parts, text[done:])) if parts else text


def _behind_verbs(text: str, names: Names) -> Iterator[tuple[int, int]]:
    for told in _VERB.finditer(text):
        if not (told["quote"] or _looks_secret(told) or told["value"].rstrip(_STOPS).isdigit()):
            continue
        named = _NAME.search(text, max(0, told.start() - _BEFORE), told.start())
        kind = _kind(named["name"], names) if named is not None else None
        if kind is not None and _is_secret(text, told, kind, has_verb=True):
            yield _region(told)


def _behind_names(text: str, names: Names) -> Iterator[tuple[int, int]]:
    for told in _NAMED.finditer(text):
        kind = _kind(told["name"].rstrip(), names)
        if kind is not None and _is_secret(text, told, kind, has_verb=False):
            yield _region(told)


def _region(told: re.Match[str]) -> tuple[int, int]:
    return told.start("value"), told.start("value") + len(told["value"].rstrip(_STOPS))


def _kind(name: str, names: Names) -> Kind | None:
    kind = names.of(name)
    return None if kind in MARKS else kind


def _is_secret(text: str, told: re.Match[str], kind: Kind, *, has_verb: bool) -> bool:
    value = told["value"].rstrip(_STOPS)
    if is_said(text, told.start("value")) or REDACTED in value or is_shown(value, kind):
        return False
    if value.isdigit():
        return has_verb and _NEXT_WORD.match(text, told.end()) is None
    if told["quote"] and has_verb:
        return True
    return _looks_secret(told)


def _looks_secret(told: re.Match[str]) -> bool:
    value = told["value"].rstrip(_STOPS)
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    signs = _SIGNS.search(value) is not None and "=" not in value
    looks = (mixed or signs) and len(value) >= _SHORTEST
    return looks and _WORDS.fullmatch(value) is None and _PLAIN.fullmatch(value) is None
