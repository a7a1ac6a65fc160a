"""The `Idempotency-Key` field: one string (RFC 9651), as draft-ietf-httpapi-idempotency-key-header has it.

Clients also send the key without the quotes. Both spellings are the same key.
"""

import re
from collections.abc import Iterable

from ..problems import BadRequestError

HEADER = "Idempotency-Key"
MAX_CHARACTERS = 255
# Visible ASCII without `"`, `\`, `,` and `;`: quotes and backslashes would need escapes, a comma separates two fields
# that a proxy has joined, a semicolon begins parameters.
_CHARACTERS = r"[!#-+\--:<-\[\]-~]"
PATTERN = rf'^("{_CHARACTERS}{{1,{MAX_CHARACTERS}}}"|{_CHARACTERS}{{1,{MAX_CHARACTERS}}})$'
"""The regular expression of a valid value, for the documentation of an API."""

NAME = HEADER.lower().encode()
_KEY = re.compile(rf'(?P<quote>"?)(?P<key>{_CHARACTERS}{{1,{MAX_CHARACTERS}}})(?P=quote)'.encode())
_MUST = (
    f"The header {HEADER} must be one key of 1 to {MAX_CHARACTERS} visible ASCII characters without quotes, "
    'backslashes, commas and semicolons, such as "9f1c3b7e-5a0d-4c52-8d8e-2f6f5f0e7a11".'
)
_MISSING = f"This operation needs the header {HEADER}: send a new random key, such as a UUID, for each new request."


def find(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The value of the field, or None without one. Names are in lower case. Raises `BadRequestError` for two fields."""
    found = None
    for name, value in headers:
        if name == NAME:
            if found is not None:
                raise BadRequestError(_MUST)
            found = value
    return found


def parse(value: bytes) -> str:
    """The key. Raises `BadRequestError`."""
    match = _KEY.fullmatch(value)
    if match is None:
        raise BadRequestError(_MUST)
    return match["key"].decode()


def missing() -> BadRequestError:
    """The error for a request without a key, where one is required."""
    return BadRequestError(_MISSING)
