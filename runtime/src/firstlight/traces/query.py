"""The query of a URL without secrets. All other text stays as it was sent."""

from functools import lru_cache
from urllib.parse import unquote_plus

from ..logs.redaction import REDACTED, is_denied, redact_text

# Signatures of object stores, by semantic convention, in lower case.
_SIGNATURES = frozenset({"awsaccesskeyid", "signature", "sig", "x-goog-signature"})
_SHORT = 64  # characters of a name that is remembered


def redacted(query: str) -> str:
    """The query with secrets replaced: those that their parameter's name tells, and those that their format tells."""
    return "&".join(map(_redacted, query.split("&")))


def _redacted(pair: str) -> str:
    name, equals, value = pair.partition("=")
    judge = _judged if len(name) <= _SHORT else _judged.__wrapped__
    plain, open_value = judge(name)
    if not plain or not (equals or open_value):
        return REDACTED
    means = unquote_plus(value) if "%" in value or "+" in value else value
    if open_value and redact_text(means) == means:
        return pair
    return f"{name}={REDACTED}" if equals else REDACTED


@lru_cache(maxsize=256)  # most requests use the same few names
def _judged(name: str) -> tuple[bool, bool]:
    """Whether the name of a parameter may be shown, and whether its value may."""
    means = unquote_plus(name)
    return redact_text(means) == means, not (means.lower() in _SIGNATURES or is_denied(means))
