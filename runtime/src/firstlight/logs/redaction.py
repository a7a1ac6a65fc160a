"""The deny-list: secrets and personal data that must not leave the process in a log line or an error report.

Names decide for structured values, shapes decide for free text. To protect another field, add its name.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

REDACTED = "REDACTED"
DENIED_NAMES = (
    "api_key",
    "apikey",
    "authorization",
    "card_number",
    "cookie",
    "credential",
    "cvv",
    "dsn",
    "email",
    "iban",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "phone",
    "private_key",
    "secret",
    "session",
    "ssn",
    "token",
)
_ABBREVIATION = 4  # letters; these stand in other words too, as ssn does in classname
_DENIED = "|".join(
    rf"(?<![a-z]){name}(?![a-z])" if len(name) <= _ABBREVIATION else name.replace("_", "[-_]?") for name in DENIED_NAMES
)
_DENIED_NAME = re.compile(_DENIED, re.IGNORECASE)
_VALUE = r"\"[^\"]*\"|'[^']*'|[^\s,;&)\]}]++"


def _token(match: re.Match[str]) -> str:
    return REDACTED if match[0].count(".") > 1 else match[0]


def _url(match: re.Match[str]) -> str:
    address, query, _ = match[0].partition("?")
    return f"{address}?{REDACTED}" if query else address


# Text may be a client's, so each takes linear time: possessive, bounded, and never looking at the same part twice.
_SHAPES = (
    (re.compile(r"(?i)\b(bearer|basic)\s++[\w.~+/=-]{6,}+"), rf"\1 {REDACTED}"),
    (re.compile(r"\beyJ[\w-]++(?:\.[\w-]*+){0,2}"), _token),  # JSON Web Token
    (re.compile(r"(?i)([a-z][a-z0-9+.-]{0,30}+://)[^\s/@]++@"), rf"\1{REDACTED}@"),  # user:password@host
    (re.compile(r"https?://[^\s#\"']++"), _url),
    (re.compile(rf"(?i)(?<![\w-])(?=[\w-]*?(?:{_DENIED}))([\w-]++[\"']?\s*+[=:]\s*+)({_VALUE})"), rf"\1{REDACTED}"),
    (re.compile(r"[\w.+-]{1,64}+@[\w-]{1,63}+\.[\w.-]++"), REDACTED),  # mail address
)
_PLAIN = re.compile(r"[\w./~-]*+", re.ASCII)
_SUSPICIOUS = re.compile(r"[=:@?]|eyJ|(?i:bearer|basic)\s")
_CACHED = 128  # characters of a name
_MAX_DEPTH = 8
_INTEGERS = range(-(2**63), 2**64)  # beyond them JSON's readers differ


def is_denied(name: str) -> bool:
    """Whether a value under this name must not be shown."""
    # A client may choose names, and a cache of them is limited in number only.
    return _is_denied(name) if len(name) <= _CACHED else _DENIED_NAME.search(name) is not None


@lru_cache(maxsize=1024)
def _is_denied(name: str) -> bool:
    return _DENIED_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """Free text with everything that looks like a secret, a mail address or a URL's query replaced."""
    if _PLAIN.fullmatch(text) and "eyJ" not in text:  # most paths and ids, at once
        return text
    if not text.isascii():  # a lone surrogate could not be written
        text = text.encode(errors="backslashreplace").decode()
    if _SUSPICIOUS.search(text) is None:
        return text
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


def redact(value: Any, depth: int = 0) -> Any:
    """A copy of a structured value that is safe to show, and made of what JSON knows.

    What is nested too deep is not shown at all, any other object as the text that represents it.
    """
    if isinstance(value, str):
        return redact_text(value)
    known = value is None or isinstance(value, bool | float | datetime | UUID)
    if known or (isinstance(value, int) and value in _INTEGERS):
        return value
    if depth > _MAX_DEPTH:
        return REDACTED
    if isinstance(value, Mapping):
        return {k: REDACTED if is_denied(k) else redact(v, depth + 1) for k, v in _members(value)}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth + 1) for item in value]
    return redact_text(_shown(value))


def _members(mapping: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in mapping.items():
        yield redact_text(key if isinstance(key, str) else _shown(key)), value


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - somebody else's class, and a log call must not fail
        return f"<{type(value).__qualname__}>"
