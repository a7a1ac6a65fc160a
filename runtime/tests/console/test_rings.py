"""Rings: limited in number and in bytes, numbered, and readable since a number."""

import threading
from weakref import WeakSet

import pytest

from firstlight.console.matching import Wanted, matched
from firstlight.console.rings import ITEM_BYTES, MOST_WAITING, WAITING_BYTES, Ring


class Item:
    """Something that is kept."""


def filled(number: int, ring: Ring[int]) -> Ring[int]:
    """The ring with the items from 1 to `number`, of 40 bytes each."""
    for item in range(1, number + 1):
        ring.append(item, 40)
    return ring


def test_the_oldest_items_make_way_at_the_limit_of_their_number() -> None:
    """Each item keeps its number."""
    ring = filled(5, Ring(3, 10_000))

    assert [(entry.seq, entry.item) for entry in ring.entries()] == [(3, 3), (4, 4), (5, 5)]
    assert ring.last == 5


def test_the_oldest_items_make_way_at_the_limit_of_their_bytes() -> None:
    """One large item takes the place of several small ones."""
    ring = filled(3, Ring(100, 3 * (ITEM_BYTES + 40)))
    ring.append(4, 2 * (ITEM_BYTES + 40) - ITEM_BYTES)

    assert [entry.item for entry in ring.entries()] == [3, 4]
    assert ring.held <= ring.max_bytes


def test_an_item_that_never_fits_is_left_out() -> None:
    """The others stay, and it is counted as lost."""
    ring = filled(1, Ring(10, 300))
    ring.append(2, 301)
    ring.append(3, 0)

    assert [entry.item for entry in ring.entries()] == [3] or [e.item for e in ring.entries()] == [1, 3]
    assert ring.last == 3


@pytest.mark.parametrize(
    ("after", "items", "lost"), [(0, [3, 4, 5], 2), (1, [3, 4, 5], 1), (4, [5], 0), (5, [], 0), (9, [], 0)]
)
def test_a_reader_goes_on_where_it_was(after: int, items: list[int], lost: int) -> None:
    """It gets what is newer, and how many items it has missed."""
    ring = filled(5, Ring(3, 10_000))

    assert [entry.item for entry in ring.entries(after)] == items
    assert ring.lost(after) == lost


def test_a_reader_gets_the_newest_items_and_the_number_of_those_it_does_not_get() -> None:
    """Those that the ring has lost, and those beyond the limit of the answer."""
    ring = filled(10, Ring(6, 10_000))
    newest_first = [entry.item for entry in reversed(ring.entries(2))]

    assert matched(ring, Wanted(2, 4), iter(newest_first)) == {"items": [7, 8, 9, 10], "next": 10, "dropped": 4}
    assert matched(ring, Wanted(0, 4), iter(newest_first))["dropped"] == 0  # it has asked for the newest only


def test_the_numbers_go_on_after_those_of_another_process() -> None:
    """So that a page that was open keeps its place."""
    ring: Ring[int] = Ring(3, 10_000)
    ring.resume(7)
    ring.append(8, 10)

    assert [entry.seq for entry in ring.entries(7)] == [8]


def test_a_reader_gets_items_that_wait() -> None:
    """In the order in which they came, beside those that did not wait."""
    ring: Ring[int] = Ring(10, 10_000)
    ring.append_soon(1, 40)
    ring.append(2, 40)
    ring.append_soon(3, 40)

    assert ring.last == 3
    assert [(entry.seq, entry.item) for entry in ring.entries()] == [(1, 1), (2, 2), (3, 3)]
    assert ring.held == 3 * (ITEM_BYTES + 40)


def test_few_items_wait_and_no_large_one() -> None:
    """What waits is beyond the limits of the ring, and has limits of its own."""
    ring: Ring[Item] = Ring(1, 10_000)
    alive: WeakSet[Item] = WeakSet()

    def add(size: int) -> int:
        item = Item()
        alive.add(item)
        ring.append_soon(item, size)
        del item
        return len(alive)

    assert max(add(WAITING_BYTES) for _ in range(5 * MOST_WAITING)) == MOST_WAITING
    assert add(WAITING_BYTES + 1) == 1


def test_threads_may_append_at_once() -> None:
    """No item is lost, and the limit in bytes holds."""
    ring: Ring[int] = Ring(100_000, 1_000 * (ITEM_BYTES + 40))
    threads = [threading.Thread(target=filled, args=(5_000, ring)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (ring.last, len(ring.entries()), ring.held) == (20_000, 1_000, ring.max_bytes)
