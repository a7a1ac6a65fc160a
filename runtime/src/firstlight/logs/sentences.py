"""Secrets that a sentence tells: `the password is hunter2`, `password hunter2 was refused`.

Only what looks like a secret is hidden, since most sentences about a password do not tell it: letters with digits or
with signs, a number that is long enough, or what is quoted. `the password is swordfish` cannot be told from `the
password is wrong`.
"""

import re
from collections.abc import Iterator

from .secret_formats import REDACTED
from .secret_names import MARKS, Kind, Names
from .secret_values import is_said, is_shown

# Up to three words of a name, what it belongs to, a verb or none, and one word.
_TOLD = re.compile(
    r"(?<![\w.-])(?P<name>(?:[A-Za-z]{1,16}[ _-]){0,2}[A-Za-z]{1,16})"
    r"(?P<verb>(?: (?:of|for) [^\s:;,]{1,64})? (?:is|was|equals|reads)(?: now)? | )"
    r"(?P<quote>[\"'`]?)(?P<value>[^\s\"'`]{4,128})"
)
_VERBS = (" is ", " was ", " equals ", " reads ")
_NAMED = ("pass", "pwd")  # kinds whose names need no verb
_WORDS = re.compile(r"[^\W\d_]+(?:[-/'][^\W\d_]+)*")
_SIGNS = re.compile(r"[!#$%^&*+=~?@]")
# What has digits and is no secret: algorithms, versions, measures, times, paths, placeholders, calls.
_PLAIN = re.compile(
    r"(?:sha|md|hs|rs|es|ps|base|aes|rsa|oauth|argon|pbkdf|bcrypt|scrypt|utf|http|v|x|p|h|ed|rfc|iso|tls|level)-?\d[\w.-]*"
    r"|\d[\d.,:]*-?[a-z%]{0,8}|.*[/\\()\[\]{}<>].*|[%$]\w+",
    re.IGNORECASE,
)
_NEXT_WORD = re.compile(r" [a-z]", re.IGNORECASE)
_SHORTEST = 5  # characters of what mixes letters and digits


def without_told(text: str, lower: str, names: Names) -> str:
    """The text without secrets that its sentences tell; `lower` is the text in small letters."""
    if not any(verb in lower for verb in _VERBS) and not any(name in lower for name in _NAMED):
        return text
    parts, done = [], 0
    for start, end in _regions(text, names):
        parts += [text[done:start], REDACTED]
        done = end
    return "".join((*parts, text[done:])) if parts else text


def _regions(text: str, names: Names) -> Iterator[tuple[int, int]]:
    place = 0
    while (told := _TOLD.search(text, place)) is not None:
        kind = _kind(told["name"], names)
        if kind is None or not _is_secret(text, told, kind):
            place = told.start("name") + len(told["name"].split(" ")[0])  # the next word may begin the name
            continue
        place = told.end()
        yield told.start("value"), told.start("value") + len(told["value"].rstrip(".,;:!?"))


def _kind(name: str, names: Names) -> Kind | None:
    kind = names.of(name)
    return None if kind in MARKS else kind


def _is_secret(text: str, told: re.Match[str], kind: Kind) -> bool:
    value = told["value"].rstrip(".,;:!?")
    if is_said(text, told.start("value")) or REDACTED in value or is_shown(value, kind):
        return False
    if value.isdigit():
        return bool(told["verb"].strip()) and _NEXT_WORD.match(text, told.end()) is None
    if told["quote"] and told["verb"].strip():
        return True
    if not told["verb"].strip() and kind.kind != "password":
        return False
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    signs = _SIGNS.search(value) is not None and "=" not in value
    looks = (mixed or signs) and len(value) >= _SHORTEST
    return looks and _WORDS.fullmatch(value) is None and _PLAIN.fullmatch(value) is None
