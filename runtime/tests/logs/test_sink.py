"""Standard output that stalls, breaks or forks: lines come in order or are counted, and nobody waits for them."""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from firstlight.logs import sink
from firstlight.metrics.instruments import REGISTRY
from firstlight.logs.sink import Sink

TIMEOUT_SECONDS = 10.0
NOT_BLOCKED_SECONDS = 2.0  # a full pipe that nobody reads would block for ever
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
        """Open."""
        reader, self.writer = os.pipe()
        self.reader = os.fdopen(reader, "rb", buffering=0)  # closed once, however often it is told to

    def read(self, size: int) -> bytes:
        """Exactly so many bytes, or as many as come before patience ends."""
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
    """Lines lost so far."""
    value = REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "logs", "reason": reason})
    assert value is not None
    return value


def wait_until(condition: Callable[[], bool]) -> None:
    """Give another thread time, but not for ever."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    waiting = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        waiting.wait(0.005)


def test_lines_arrive_in_order_and_whole(pipe: Pipe) -> None:
    """From one thread, as they were written."""
    lines = [b"line %d\n" % number for number in range(2000)]
    made = Sink(pipe.writer)
    for line in lines:
        made.write(line)
    assert made.flush(TIMEOUT_SECONDS)
    assert pipe.read(sum(map(len, lines))) == b"".join(lines)


def test_lines_of_many_threads_do_not_mix(pipe: Pipe) -> None:
    """A line is whole, whoever else writes, and each thread's lines stay in order."""
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
    """A busy service spends its time on requests."""
    calls: list[int] = []
    write = os.write

    def count(descriptor: int, data: memoryview) -> int:
        calls.append(descriptor)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", count)
    monkeypatch.setattr(sink, "GATHER_SECONDS", TIMEOUT_SECONDS)
    pause = threading.Event()
    made = Sink(pipe.writer)
    for _ in range(20):
        made.write(b"line\n")
        pause.wait(0.001)  # the writer could run, and gathers instead
    assert made.flush(TIMEOUT_SECONDS)
    assert calls.count(pipe.writer) == 1


def test_a_lone_line_arrives_without_a_flush(pipe: Pipe) -> None:
    """Nobody has to ask for it."""
    Sink(pipe.writer).write(b"alone\n")
    assert pipe.read(6) == b"alone\n"


def test_a_line_after_a_silence_arrives_too(pipe: Pipe) -> None:
    """The thread has gone to sleep in between."""
    made = Sink(pipe.writer)
    for line in (b"one\n", b"two\n"):
        made.write(line)
        assert pipe.read(4) == line


def test_a_pipe_nobody_reads_stops_nobody(pipe: Pipe) -> None:
    """The queue is bounded, what does not fit is counted, and flushing gives up in time."""
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


def test_a_reader_that_goes_away_is_counted_and_not_fatal(pipe: Pipe) -> None:
    """Every line that could not be written counts, and the next ones may."""
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


def test_a_reader_that_leaves_in_the_middle_loses_only_what_is_left(pipe: Pipe) -> None:
    """What had been written before the pipe broke is not counted as lost."""
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


def test_a_descriptor_that_does_not_block_loses_nothing(pipe: Pipe) -> None:
    """A parent may hand down a non-blocking pipe; writing waits for it, off the event loop."""
    os.set_blocking(pipe.writer, False)
    lines = [b"%06d" % number + b"x" * 1000 + b"\n" for number in range(300)]
    made = Sink(pipe.writer)
    for line in lines:
        made.write(line)
    assert pipe.read(sum(map(len, lines))) == b"".join(lines)
    assert made.flush(TIMEOUT_SECONDS)


def test_flushing_nothing_returns_at_once(pipe: Pipe) -> None:
    """Also before the first line."""
    assert Sink(pipe.writer).flush(TIMEOUT_SECONDS)


def test_a_thread_that_has_ended_is_replaced(pipe: Pipe) -> None:
    """As after a fork, which copies no threads."""
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
    """Each line comes once: the child neither falls silent nor repeats what its parent has queued."""
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
