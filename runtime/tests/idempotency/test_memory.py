"""The store in memory: one record per name, tokens, expiry, and limits in number and bytes."""

import asyncio
import tracemalloc
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.idempotency import Completion, FullError, Limits, MemoryStore, Name, Record, StoredResponse
from firstlight.idempotency.memory import RECORD_BYTES, RESPONSE_BYTES
from firstlight.json_response import encoded

ANN, BOB = Name("name:ann", "1"), Name("name:bob", "1")
CREATED = StoredResponse(201, ((b"location", b"/1"),), b"{}")
ResultT = TypeVar("ResultT")


class Clock:
    """A clock that tests set."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def run(step: Awaitable[ResultT]) -> ResultT:
    """The result of one step. The store never waits."""
    coroutine = step.__await__()
    with pytest.raises(StopIteration) as ended:
        next(coroutine)
    result: ResultT = ended.value.value
    return result


def token(found: str | Record) -> str:
    """The token of a reservation."""
    assert isinstance(found, str)
    return found


def test_a_name_is_reserved_once() -> None:
    """The second request gets the record, which has no response yet."""
    store = MemoryStore()
    token(run(store.reserve(ANN, b"a", 10)))

    assert run(store.reserve(ANN, b"b", 10)) == Record(b"a", None)
    token(run(store.reserve(BOB, b"b", 10)))


def test_a_completed_name_has_its_response() -> None:
    """Until it expires."""
    clock = Clock()
    store = MemoryStore(clock=clock)
    reserved = token(run(store.reserve(ANN, b"a", 10)))
    clock.now = 9
    assert run(store.complete(ANN, reserved, CREATED, 10)) is Completion.STORED
    clock.now = 18.9
    assert run(store.reserve(ANN, b"b", 10)) == Record(b"a", CREATED)
    clock.now = 19
    token(run(store.reserve(ANN, b"b", 10)))


def test_a_late_completion_does_not_overwrite() -> None:
    """The reservation has expired, and the name has another one."""
    clock = Clock()
    store = MemoryStore(clock=clock)
    late = token(run(store.reserve(ANN, b"a", 10)))
    clock.now = 10
    assert run(store.complete(ANN, late, CREATED, 10)) is Completion.EXPIRED
    second = token(run(store.reserve(ANN, b"b", 10)))
    assert run(store.complete(ANN, late, CREATED, 10)) is Completion.EXPIRED
    run(store.release(ANN, late))
    assert run(store.reserve(ANN, b"c", 10)) == Record(b"b", None)
    other = StoredResponse(200, (), b"second")
    assert run(store.complete(ANN, second, other, 10)) is Completion.STORED
    assert run(store.reserve(ANN, b"c", 10)) == Record(b"b", other)


def test_a_released_name_is_free() -> None:
    """A response that is stored is not released."""
    store = MemoryStore()
    run(store.release(ANN, "1"))
    reserved = token(run(store.reserve(ANN, b"a", 10)))
    run(store.release(ANN, reserved))
    assert (store.keys, store.bytes) == (0, 0)
    reserved = token(run(store.reserve(ANN, b"a", 10)))
    run(store.complete(ANN, reserved, CREATED, 10))
    run(store.release(ANN, reserved))
    assert store.keys == 1


def _refused(store: MemoryStore, name: Name) -> tuple[bool, float]:
    with pytest.raises(FullError) as refused:
        run(store.reserve(name, b"", 10))
    return refused.value.for_all, refused.value.seconds


def test_the_number_of_keys_is_limited() -> None:
    """For one caller, then for all. What is stored stays, and expiry makes space."""
    clock = Clock()
    store = MemoryStore(Limits(keys=4, caller_share=0.5), clock=clock)
    for number in range(2):
        run(store.reserve(Name("a", str(number)), b"", 10))
        clock.now += 1
    assert _refused(store, Name("a", "2")) == (False, 8)
    assert run(store.reserve(Name("a", "0"), b"", 10)) == Record(b"", None)
    for number in range(2):
        run(store.reserve(Name("b", str(number)), b"", 10))
    assert _refused(store, Name("c", "0")) == (True, 8)
    assert store.keys == 4
    clock.now = 10
    token(run(store.reserve(Name("c", "0"), b"", 10)))


def test_the_bytes_are_limited() -> None:
    """A response without space is shortened to its status; then new keys are refused."""
    store = MemoryStore(Limits(keys=100, bytes=10_000, caller_share=0.5))
    reserved = token(run(store.reserve(ANN, b"a", 10)))
    large = StoredResponse(201, (), b"x" * 5000)
    assert run(store.complete(ANN, reserved, large, 10)) is Completion.SHORTENED
    assert run(store.reserve(ANN, b"a", 10)) == Record(b"a", StoredResponse(201, (), None))
    fitting = StoredResponse(201, (), b"x" * (5000 - 2 * (RECORD_BYTES + 9) - RESPONSE_BYTES))
    second = Name("name:ann", "2")
    assert run(store.complete(second, token(run(store.reserve(second, b"", 10))), fitting, 10)) is Completion.STORED
    assert store.bytes == 5000
    assert _refused(store, Name("name:ann", "3"))[0] is False
    token(run(store.reserve(BOB, b"", 10)))


def test_the_estimate_is_not_below_the_memory() -> None:
    """A store takes no more memory than its limit in bytes."""
    store = MemoryStore(Limits(keys=10_000, bytes=100_000_000, caller_share=1))

    async def fill() -> None:
        for number in range(2000):
            name = Name(f"address:192.0.2.{number}", f"key of some length {number}")
            headers = tuple((f"x-{index}".encode(), b"%d" % number) for index in range(3))
            reserved = token(await store.reserve(name, bytes(32), 10))
            await store.complete(name, reserved, StoredResponse(201, headers, encoded("x" * 200 + str(number))), 10)

    tracemalloc.start()
    try:
        asyncio.run(fill())
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert used < store.bytes < 2 * used


STEPS = st.lists(st.tuples(st.sampled_from(["reserve", "complete", "release", "wait"]), st.integers(0, 5)), max_size=60)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_the_limits_hold_after_any_steps(steps: list[tuple[str, int]]) -> None:
    """The counts agree with the records, and an empty store counts nothing."""
    clock = Clock()
    store = MemoryStore(Limits(keys=4, bytes=6000, caller_share=0.5), clock=clock)
    tokens: dict[Name, str] = {}
    for step, number in steps:
        name = Name(f"caller {number % 3}", f"{number}")
        if step == "reserve":
            try:
                found = run(store.reserve(name, b"", 5 + number % 2))
            except FullError:
                continue
            if isinstance(found, str):
                tokens[name] = found
        elif step == "complete":
            run(store.complete(name, tokens.get(name, ""), StoredResponse(200, (), b"x" * 500 * number), 7))
        elif step == "release":
            run(store.release(name, tokens.get(name, "")))
        else:
            clock.now += number
        assert store.keys <= 4
        assert 0 <= store.bytes <= 6000
        assert (store.keys == 0) == (store.bytes == 0)
    clock.now += 100
    token(run(store.reserve(Name("last", "1"), b"", 1)))
    assert (store.keys, store.bytes) == (1, RECORD_BYTES + 5)
