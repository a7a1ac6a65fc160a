"""The document of a problem as bytes: the same members for every error, and nothing of the client's text unescaped."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from .problem_types import type_and_title
from .text import visible

MEDIA_TYPE = "application/problem+json"


def document(status: int, detail: str, ids: Mapping[str, str], extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members of a problem (RFC 9457). `extra` adds members, and may replace `type` and `title`."""
    kind, title = type_and_title(status)
    members = {key: _visible(value) for key, value in extra.items()}
    return {"type": kind, "title": title, "status": int(status), "detail": visible(detail), **ids, **members}


def encoded(problem: Mapping[str, Any]) -> bytes:
    """The document as JSON, without the characters that begin markup: some software guesses media types."""
    try:
        text = orjson.dumps(problem, default=str)
    except orjson.JSONEncodeError:  # such as an integer of more than 64 bits
        text = json.dumps(problem, default=str, skipkeys=True).encode()
    return text.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {key: _visible(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_visible(inner) for inner in value]
    return value
