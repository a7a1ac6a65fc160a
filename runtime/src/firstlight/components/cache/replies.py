"""Commands and replies of the protocol (RESP2) in bytes, for `pipe.py`."""

from collections.abc import Sequence

Word = str | bytes | int
Reply = bytes | int | list["Reply"] | Exception | None
ERROR, SIMPLE, INTEGER, BULK, ARRAY = b"-+:$*"


class IncompleteError(Exception):
    """The bytes end within a reply."""


class ServerError(Exception):
    """What the server has said in place of a reply."""


def command(words: Sequence[Word]) -> bytes:
    """A command and its arguments."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        text = word if isinstance(word, bytes) else str(word).encode("utf-8")
        parts.append(b"$%d\r\n%b\r\n" % (len(text), text))
    return b"".join(parts)


def parse(data: bytes | bytearray, at: int) -> tuple[Reply, int]:
    """The reply that begins at this place, and where the next one begins.

    An error is returned, not raised. Raises `IncompleteError`, and `ValueError` for what is no reply.
    """
    end = data.find(b"\r\n", at)
    if end < 0:
        raise IncompleteError
    kind, after = data[at], end + 2
    if kind == BULK:
        size = int(data[at + 1 : end])
        if size < 0:
            return None, after
        stop = after + size
        if len(data) < stop + 2:
            raise IncompleteError
        return bytes(data[after:stop]), stop + 2
    if kind == INTEGER:
        return int(data[at + 1 : end]), after
    if kind == ARRAY:
        return _array(data, int(data[at + 1 : end]), after)
    text = bytes(data[at + 1 : end])
    if kind == SIMPLE:
        return text, after
    if kind == ERROR:
        return ServerError(text.decode("utf-8", "replace")), after
    msg = f"the server sent {text[:20]!r}"
    raise ValueError(msg)


def _array(data: bytes | bytearray, count: int, at: int) -> tuple[Reply, int]:
    if count < 0:
        return None, at
    items: list[Reply] = []
    for _ in range(count):
        item, at = parse(data, at)
        items.append(item)
    return items, at
