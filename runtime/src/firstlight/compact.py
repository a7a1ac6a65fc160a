"""Bytes that are kept. A result of `orjson.dumps` takes at least 4 KiB as long as it lives, however short it is."""


def compact(data: bytes) -> bytes:
    """The same bytes in an object of their own size."""
    return b"%b" % data
