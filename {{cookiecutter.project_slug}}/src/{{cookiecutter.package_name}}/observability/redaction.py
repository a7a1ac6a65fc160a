"""The deny-list: secrets and personal data that must not leave the process in a log line or an error report.

Names decide for structured values, shapes decide for free text. To protect another field, add its name.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

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
_DENIED = "|".join(name.replace("_", "[-_]?") for name in DENIED_NAMES)
_DENIED_NAME = re.compile(_DENIED, re.IGNORECASE)
_VALUE = r"\"[^\"]*\"|'[^']*'|[^\s,;&)\]}]+"
_SHAPES = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {REDACTED}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), REDACTED),  # JSON Web Token
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@"), rf"\1{REDACTED}@"),  # user:password@host
    (re.compile(r"(https?://[^\s?#\"']+)\?[^\s\"'#]*"), rf"\1?{REDACTED}"),
    (re.compile(rf"(?i)([\w-]*(?:{_DENIED})[\w-]*[\"']?\s*[=:]\s*)({_VALUE})"), rf"\1{REDACTED}"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), REDACTED),  # mail address
)
_SUSPICIOUS = re.compile(r"[=:@?]|eyJ|(?i:bearer|basic)\s")
_MAX_DEPTH = 8


@lru_cache(maxsize=1024)
def is_denied(name: str) -> bool:
    """Whether a value under this name must not be shown."""
    return _DENIED_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """Free text with everything that looks like a secret, a mail address or a URL's query replaced."""
    if _SUSPICIOUS.search(text) is None:
        return text
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


def redact(value: Any, depth: int = 0) -> Any:
    """A copy of a structured value that is safe to show; what is nested too deep is not shown at all."""
    if isinstance(value, str):
        return redact_text(value)
    if depth > _MAX_DEPTH:
        return REDACTED
    if isinstance(value, Mapping):
        return {k: REDACTED if is_denied(str(k)) else redact(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth + 1) for item in value]
    return value
