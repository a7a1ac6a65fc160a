"""The query of a URL without secrets: what is no secret stays as it was sent."""

from urllib.parse import unquote_plus

from ..logs.redaction import REDACTED, is_denied, redact_text

# Signatures of object stores, by semantic convention, in lower case.
_SIGNATURES = frozenset({"awsaccesskeyid", "signature", "sig", "x-goog-signature"})


def redacted(query: str) -> str:
    """Names are judged by what they mean, values by their shape."""
    return "&".join(map(_redacted, query.split("&")))


def _redacted(pair: str) -> str:
    name, equals, value = pair.partition("=")
    encoded = "%" in pair or "+" in pair
    means, value_means = (unquote_plus(name), unquote_plus(value)) if encoded else (name, value)
    if redact_text(means) != means:
        return REDACTED
    if means.lower() in _SIGNATURES or is_denied(means) or redact_text(value_means) != value_means:
        return f"{name}{equals}{REDACTED}" if equals else REDACTED
    return pair
