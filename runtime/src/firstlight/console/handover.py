"""The buffers survive a reload of the code: they are written to a file without a name, which the supervisor keeps open.

The file is in memory where the system can do that. Nobody can open it by a path, and it ends with the supervisor.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from .rings import Ring

FILE_BYTES = 8_388_608
ROW_BYTES, MEMORY = 600, 2  # of an item, and for each byte of its JSON
LAYOUT = 2


class Part(NamedTuple):
    """A ring, its rows, and how an item is made of the row of another process."""

    ring: Ring[Any]
    rows: Callable[[], Iterator[Sequence[Any]]]
    item: Callable[[Sequence[Any]], Any]


Parts = Mapping[str, Part]


def save(descriptor: int, parts: Parts) -> None:
    """Write all rings. Raises `OSError`. What does not fit into the limit is left out, the oldest first."""
    rows = {name: list(part.rows()) for name, part in parts.items()}
    text = orjson.dumps({"format": LAYOUT, "parts": rows}, default=str)
    while len(text) > FILE_BYTES:
        rows = {name: each[len(each) // 2 + 1 :] for name, each in rows.items()}
        text = orjson.dumps({"format": LAYOUT, "parts": rows}, default=str)
    os.ftruncate(descriptor, 0)
    written = 0
    while written < len(text):
        written += os.pwrite(descriptor, text[written:], written)


def restore(descriptor: int, parts: Parts) -> None:
    """Fill the rings with what another process has saved, if anything. Raises `OSError` or `ValueError`."""
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - it has no keywords
    size = min(os.fstat(descriptor).st_size, FILE_BYTES)
    saved = orjson.loads(os.pread(descriptor, size, 0)) if size else {}
    if saved.get("format") != LAYOUT:
        return
    for name, part in parts.items():
        for seq, *row in saved["parts"].get(name, ()):
            part.ring.resume(seq - 1)
            part.ring.append(part.item(row), ROW_BYTES + MEMORY * len(orjson.dumps(row, default=str)))
