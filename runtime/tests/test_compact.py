"""What the library keeps of orjson takes as much memory as it has bytes."""

import tracemalloc
from collections.abc import Callable

import orjson
import pytest

from firstlight.compact import compact
from firstlight.components.cache.write_behind.codec import Codec
from firstlight.logs import rendering

NUMBER = 500
OBJECT_BYTES = 128  # what Python needs for an object besides its bytes


@pytest.mark.parametrize("length", [10, 300, 5_000, 60_000])
@pytest.mark.parametrize(
    "made",
    [
        lambda text: compact(orjson.dumps(text)),
        lambda text: rendering.json({"event": text}),
        lambda text: Codec(str).encode(text),
    ],
    ids=["compact", "line of the log", "write of a queue"],
)
def test_an_object_takes_little_more_than_its_bytes(made: Callable[[str], bytes], length: int) -> None:
    """Orjson itself returns objects of 4 KiB and more, up to 13 times their length."""
    tracemalloc.start()
    try:
        kept = [made("x" * length) for _ in range(NUMBER)]
        size = len(kept[0])
        used, _ = tracemalloc.get_traced_memory()
        kept.clear()
        left, _ = tracemalloc.get_traced_memory()  # of everything else: coverage, threads of earlier tests
    finally:
        tracemalloc.stop()

    assert size < (used - left) / NUMBER < size + OBJECT_BYTES
