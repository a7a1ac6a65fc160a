"""The newest items of a ring that pass a filter, and how many a reader has missed."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from .rings import Ring

OF_ONE_TRACE = 1_000  # items of a request that are shown

Matched = Mapping[str, Any]


class Wanted(NamedTuple):
    """Which part of a ring a reader wants: at most `limit` items, appended after the one with the number `after`."""

    after: int = 0
    limit: int = 200


def matched(ring: Ring[Any], wanted: Wanted, newest_first: Iterable[Any]) -> Matched:
    """The answer to a reader: items, the newest last; the number to go on from; how many it does not get.

    `newest_first` are all items that pass the filter.
    """
    last, lost = ring.last, ring.lost(wanted.after) if wanted.after else 0
    found = iter(newest_first)
    items = list(islice(found, wanted.limit))
    beyond = sum(1 for _ in found) if wanted.after else 0
    return {"items": items[::-1], "next": last, "dropped": lost + beyond}
