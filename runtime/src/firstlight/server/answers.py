"""Responses of the server itself, before there is a request that the application could see."""

from collections.abc import Mapping

from ..problem_document import MEDIA_TYPE, document, encoded
from ..problem_types import PROBLEM_TYPES
from ..problems import RETRY_AFTER_SECONDS
from ..security.headers import FIELDS


def _answer(status: int, detail: str, field: str = "") -> bytes:
    """A complete response that closes the connection: a problem document without ids."""
    body = encoded(document(status, detail, {}, {}))
    head = (
        f"HTTP/1.1 {status} {PROBLEM_TYPES[status].title}\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n{field}"
    )
    return b"".join((head.encode(), FIELDS.lines, b"\r\n", body))


_LATE = _answer(408, "The request did not arrive in time.")

# By the reason of the refusal. For other reasons, the connection is closed without a response.
ANSWERS: Mapping[str, bytes] = {
    "malformed": _answer(400, "This is not a valid HTTP/1.1 request."),
    "bad_host": _answer(400, "The request must have one valid Host field, and its target must not name another host."),
    "framing_too_large": _answer(400, "The body has too many chunk extensions or trailers."),
    "head_too_large": _answer(431, "The request line and the header fields together are too large."),
    "head_timeout": _LATE,
    "body_timeout": _LATE,
    "too_many_connections": _answer(
        503, "The service has as many connections as it can serve.", f"retry-after: {RETRY_AFTER_SECONDS}\r\n"
    ),
}
