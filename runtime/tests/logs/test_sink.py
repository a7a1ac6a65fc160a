"""Standard output that stalls or breaks, and forks: lines come in order or are counted, and no caller waits."""

import os
import select
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from firstlight.logs.sink import Sink
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.process import TIMEOUT_SECONDS

NOT_BLOCKED_SECONDS = 2.0  # a full pipe that is not read would block without end
FORKING = """
import os, sys, warnings
from firstlight.logs.sink import stdout

warnings.simplefilter("ignore")
stdout.write(b"parent before\\n")
child = os.fork()
if not child:
    stdout.write(b"child\\n")
    sys.stdin.read()
    os._exit(0)
stdout.write(b"parent after\\n")
stdout.flush(10)
os.waitpid(child, 0)
"""


class Pipe:
    """Both ends of a pipe."""

    def __init__(self) -> None:
        """Open both ends."""
        reader, self.writer = os.pipe()
        self.reader = os.fdopen(reader, "rb", buffering=0)  # closing it again does nothing

    def read(self, size: int) -> bytes:
        """Exactly so many bytes, or as many as come before the timeout."""
        data = b""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while len(data) < size and select.select([self.reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
            chunk = self.reader.read(65536)
            if not chunk:
                break
            data += chunk
        return data

    def close(self) -> None:
        """Close what is open."""
        self.reader.close()
        os.close(self.writer)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe that is closed in the end."""
    made = Pipe()
    yield made
    made.close()


def dropped(reason: str) -> float:
    """Lines dropped so far."""
    value = REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "logs", "reason": reason})
    assert value is not None
    return value


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for another thread, up to the timeout."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    waiting = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        waiting.wait(0.005)


def test_lines_arrive_in_order_and_whole(pipe: Pipe) -> None:
    """One thread's lines come as they were written."""
    lines = [b"line %d\n" % number for number in range(2000)]
    made = Sink(pipe.writer)
    for line in lines:
        made.write(line)
    assert made.flush(TIMEOUT_SECONDS)
    assert pipe.read(sum(map(len, lines))) == b"".join(lines)


def test_lines_of_many_threads_do_not_mix(pipe: Pipe) -> None:
    """Each line is whole, and each thread's lines stay in order."""
    made = Sink(pipe.writer)

    def write(name: int) -> None:
        for number in range(200):
            made.write(b"%d %d\n" % (name, number))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.flush(TIMEOUT_SECONDS)
    expected = [b"%d %d" % (name, number) for name in range(4) for number in range(200)]
    read = pipe.read(sum(len(line) + 1 for line in expected)).splitlines()
    assert sorted(read, key=lambda line: line.split()[0]) == expected


def test_lines_written_together_share_a_system_call(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system call for each line would cost a busy service more than the lines."""
    calls: list[int] = []
    write = os.write

    def count(descriptor: int, data: memoryview) -> int:
        calls.append(descriptor)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", count)
    pause = threading.Event()
    made = Sink(pipe.writer, gather_seconds=TIMEOUT_SECONDS)
    for _ in range(20):
        made.write(b"line\n")
        pause.wait(0.001)  # time in which a writer that does not gather would write
    assert made.flush(TIMEOUT_SECONDS)
    assert calls.count(pipe.writer) == 1


def test_a_lone_line_arrives_without_a_flush(pipe: Pipe) -> None:
    """The writer thread writes it on its own."""
    Sink(pipe.writer).write(b"alone\n")
    assert pipe.read(6) == b"alone\n"


def test_a_line_after_a_pause_arrives(pipe: Pipe) -> None:
    """The writer thread waits in between, and wakes up."""
    made = Sink(pipe.writer)
    for line in (b"one\n", b"two\n"):
        made.write(line)
        assert pipe.read(4) == line


def test_a_pipe_that_is_not_read_blocks_no_caller(pipe: Pipe) -> None:
    """The queue has a limit, lines beyond it are counted, and a flush ends at its timeout."""
    line = b"x" * 1023 + b"\n"
    full, failed = dropped("queue_full"), dropped("write_failed")
    made = Sink(pipe.writer, capacity=100)
    began = time.monotonic()
    for _ in range(1000):
        made.write(line)
    assert time.monotonic() - began < NOT_BLOCKED_SECONDS
    lost = dropped("queue_full") - full
    assert lost >= 800
    assert not made.flush(0.05)
    assert time.monotonic() - began < NOT_BLOCKED_SECONDS
    kept = int(1000 - lost)
    assert pipe.read(kept * len(line)) == line * kept
    assert dropped("write_failed") == failed
    assert made.flush(TIMEOUT_SECONDS)
    made.write(b"again\n")
    assert pipe.read(6) == b"again\n"


def test_the_queue_is_limited_in_bytes(pipe: Pipe) -> None:
    """With what is being written: a pipe that is not read holds no more than the limit, and nothing afterwards."""
    size, capacity = 60_000, 2 * 1024 * 1024
    kept = capacity // (size + 64)
    full = dropped("queue_full")
    made = Sink(pipe.writer, capacity_bytes=capacity)
    tracemalloc.start()
    for _ in range(kept):
        made.write(b"x" * (size - 1) + b"\n")
    wait_until(lambda: len(made._queue) < kept)  # noqa: SLF001 - the writer is stuck with the first lines
    for number in range(100):
        made.write(b"%06d" % number * (size // 6))
    assert dropped("queue_full") - full == 100
    wait_until(lambda: tracemalloc.get_traced_memory()[0] < capacity + 600_000)  # one system call's part twice
    assert tracemalloc.get_traced_memory()[1] < 2 * capacity  # other threads allocate as well; all lines are four times
    assert pipe.read(kept * size).count(b"\n") == kept
    assert made.flush(TIMEOUT_SECONDS)
    assert tracemalloc.get_traced_memory()[0] < 300_000
    tracemalloc.stop()
    full = dropped("queue_full")
    for _ in range(kept):
        made.write(b"x" * (size - 1) + b"\n")
    assert dropped("queue_full") == full
    assert pipe.read(kept * size).count(b"\n") == kept


def test_the_limit_can_be_set_later(pipe: Pipe) -> None:
    """Settings are read after the first line."""
    made = Sink(pipe.writer, gather_seconds=TIMEOUT_SECONDS)
    made.limit(10_000)
    full = dropped("queue_full")
    for _ in range(20):
        made.write(b"x" * 999 + b"\n")
    assert 10 <= dropped("queue_full") - full <= 12
    made.limit(100_000)
    made.write(b"x" * 999 + b"\n")
    assert 10 <= dropped("queue_full") - full <= 12


def test_small_lines_count_with_what_an_object_takes(pipe: Pipe) -> None:
    """Lines without content take memory too."""
    made = Sink(pipe.writer, capacity=10**9, gather_seconds=TIMEOUT_SECONDS, capacity_bytes=10_000)
    full = dropped("queue_full")
    for _ in range(1000):
        made.write(b"\n")
    assert dropped("queue_full") - full > 800


def test_where_no_thread_can_be_started_lines_wait(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on threads raises nothing, and the next line that finds a thread takes the others with it."""

    def refuse(_: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    made = Sink(pipe.writer)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        made.write(b"one\n")
        assert not made.flush(0.01)
    made.write(b"two\n")
    assert pipe.read(8) == b"one\ntwo\n"


def test_a_finalizer_may_log_in_the_middle_of_a_line(pipe: Pipe) -> None:
    """The garbage collector runs it in whichever thread allocates, which may be inside of `write`."""
    made = Sink(pipe.writer)

    def interrupted() -> None:
        with made._lock:  # noqa: SLF001 - where the finalizer finds its thread
            made.write(b"from the finalizer\n")

    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    assert not thread.is_alive()
    assert pipe.read(19) == b"from the finalizer\n"


def test_lines_for_a_closed_pipe_are_counted(pipe: Pipe) -> None:
    """Each line that cannot be written counts as dropped; nothing is raised."""
    failed = dropped("write_failed")
    made = Sink(pipe.writer)
    pipe.reader.close()
    for _ in range(3):
        made.write(b"lost\n")
    assert made.flush(TIMEOUT_SECONDS)
    assert dropped("write_failed") - failed == 3
    made.write(b"lost as well\n")
    assert made.flush(TIMEOUT_SECONDS)
    assert dropped("write_failed") - failed == 4


def test_a_pipe_closed_in_the_middle_loses_only_the_rest(pipe: Pipe) -> None:
    """Lines written before the pipe was closed are not counted as dropped."""
    line = b"x" * 1023 + b"\n"
    failed = dropped("write_failed")
    made = Sink(pipe.writer)
    for _ in range(300):
        made.write(line)
    assert not made.flush(0.05)
    read = pipe.read(50 * len(line))
    pipe.reader.close()
    assert made.flush(TIMEOUT_SECONDS)
    lost = dropped("write_failed") - failed
    assert 0 < lost <= 300 - len(read) // len(line)


def test_a_non_blocking_descriptor_loses_nothing(pipe: Pipe) -> None:
    """A parent process may pass on a non-blocking pipe; the writer thread waits for it."""
    os.set_blocking(pipe.writer, False)
    lines = [b"%06d" % number + b"x" * 1000 + b"\n" for number in range(300)]
    made = Sink(pipe.writer)
    for line in lines:
        made.write(line)
    assert pipe.read(sum(map(len, lines))) == b"".join(lines)
    assert made.flush(TIMEOUT_SECONDS)


def test_flushing_nothing_returns_at_once(pipe: Pipe) -> None:
    """There is nothing to wait for, even before the first line."""
    assert Sink(pipe.writer).flush(TIMEOUT_SECONDS)


def test_a_thread_that_has_ended_is_replaced(pipe: Pipe) -> None:
    """A fork copies no threads."""
    made = Sink(pipe.writer)
    made.write(b"one\n")
    assert pipe.read(4) == b"one\n"
    wait_until(lambda: not made._wake.is_set())  # noqa: SLF001 - the writer sleeps
    ended = threading.Thread(target=str)
    ended.start()
    ended.join()
    made._thread = ended  # noqa: SLF001 - what a fork leaves
    made.write(b"two\n")
    assert pipe.read(4) == b"two\n"


def test_both_sides_of_a_fork_keep_writing() -> None:
    """Each line comes once: the child writes its own lines and does not repeat its parent's."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        read: list[bytes] = []
        came = threading.Event()

        def follow() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                read.append(line)
                if len(read) >= 3:
                    came.set()

        follower = threading.Thread(target=follow)
        follower.start()
        came.wait(3)
        process.stdin.close()
        follower.join(TIMEOUT_SECONDS)
        assert process.wait(TIMEOUT_SECONDS) == 0
    assert sorted(read) == [b"child\n", b"parent after\n", b"parent before\n"]
