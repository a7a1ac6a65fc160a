"""Cursors: the key values of a row, signed together with the list for which they are valid.

A client can read the values, which it has seen in the row, and cannot change them. A cursor is valid for one path,
sort, filter and search, and for the caller if it has authenticated: the signature covers them, the cursor does not hold
them.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from ..signing import SIGNATURE_BYTES, SigningKeys
from .query import MAX_CURSOR_CHARACTERS

_PURPOSE = b"firstlight.lists.cursor"
_SEPARATOR = b"\n"  # does not occur in JSON without spaces
_PADDING = b"=" * 3


class CursorCodec:
    """Writes and reads the cursors of one list, sort and direction of a client's request."""

    def __init__(self, keys: SigningKeys, context: Sequence[object], values: TypeAdapter[Any]) -> None:
        """`context` is what a cursor is valid for. `values` is the type of the key values."""
        self._keys = keys
        self._context = orjson.dumps(context, default=str) + _SEPARATOR
        self._values = values

    def write(self, values: Sequence[Any] | None, *, backward: bool) -> str:
        """The cursor of a row. `backward`: for the page that ends before the row. Without values: before the end.

        Raises `ValueError` for values whose JSON takes more than about 3,000 bytes.
        """
        payload = orjson.dumps([backward, values], default=str)
        signature = self._keys.sign(_PURPOSE, self._context + payload)
        cursor = urlsafe_b64encode(signature + payload).rstrip(b"=").decode()
        if len(cursor) > MAX_CURSOR_CHARACTERS:
            msg = f"the values by which the list is sorted are too long for a cursor: {len(payload)} bytes"
            raise ValueError(msg)
        return cursor

    def read(self, cursor: str) -> tuple[Sequence[Any] | None, bool]:
        """The values, and whether the page ends before them. Raises `ValueError` for one that is not valid here."""
        signed = _decoded(cursor)
        signature, payload = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        if not self._keys.verify(_PURPOSE, self._context + payload, signature):
            msg = "the signature does not match"
            raise ValueError(msg)
        backward, values = orjson.loads(payload)
        try:
            return (None if values is None else _in_utc(self._values.validate_python(values))), backward
        except ValidationError:  # signed by another version of the service, whose fields had other types
            msg = "the values are of another type"
            raise ValueError(msg) from None


def _in_utc(values: Sequence[Any]) -> tuple[Any, ...]:
    """Times as rows have them: a comparison of two time zones takes ten times as long as one within UTC."""
    return tuple([each.astimezone(UTC) if isinstance(each, datetime) and each.tzinfo else each for each in values])


def _decoded(cursor: str) -> bytes:
    """The bytes of a text in base64. Raises `ValueError` for every text but the one that encodes them."""
    text = cursor.encode()
    try:
        decoded = urlsafe_b64decode(text + _PADDING)
    except binascii.Error:
        msg = "it is not base64"
        raise ValueError(msg) from None
    if urlsafe_b64encode(decoded).rstrip(b"=") != text:
        msg = "it is not in the one form that base64 has for its bytes"
        raise ValueError(msg)
    return decoded
