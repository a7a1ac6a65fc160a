"""Standard output behind a queue with a limit: a reader that stalls or goes away never stalls a request."""

import os
import select
import threading
from collections import deque
from typing import Protocol

from prometheus_client import Counter

from ..forks import renew_in_child
from ..metrics.instruments import LOGS_QUEUE_FULL, LOGS_WRITE_FAILED

CAPACITY_LINES = 10_000
CAPACITY_BYTES = 6 * 1024 * 1024  # three eighths of all telemetry in memory
GATHER_SECONDS = 0.05  # lines of this long share one system call
OVERHEAD = 64  # bytes that a line takes in a queue besides its own
_CALL_BYTES = 256 * 1024  # of one system call; what is handed to it is in memory twice


class Output(Protocol):
    """Where log lines go."""

    def write(self, line: bytes) -> None:
        """Take one line, its newline included."""

    def flush(self, timeout: float) -> bool:
        """Wait until the lines are written, at most `timeout` seconds. False: they were not."""


class Sink:
    """Lines for one file descriptor, written in order by a thread of its own."""

    def __init__(
        self,
        descriptor: int,
        capacity: int = CAPACITY_LINES,
        gather_seconds: float = GATHER_SECONDS,
        capacity_bytes: int = CAPACITY_BYTES,
    ) -> None:
        """Write to `descriptor`; lines beyond `capacity` or `capacity_bytes` unwritten are dropped and counted."""
        self._descriptor = descriptor
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._gather_seconds = gather_seconds
        self._begin()
        renew_in_child(self._begin)  # the parent's lines are the parent's to write

    def _begin(self) -> None:
        self._queue: deque[bytes | threading.Event] = deque()
        self._held = 0  # bytes in the queue and on their way out of it
        self._lock = threading.RLock()  # a finalizer or a signal may log while its thread is here
        self._wake = threading.Event()
        self._awake = False  # whether the thread will look at the queue again
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    def limit(self, capacity_bytes: int) -> None:
        """Hold at most so many bytes from now on. Lines that are held already stay."""
        self._capacity_bytes = capacity_bytes

    def write(self, line: bytes) -> None:
        """Queue one line, its newline included. Never blocks, never raises."""
        size = len(line) + OVERHEAD
        with self._lock:
            fits = self._held + size <= self._capacity_bytes and len(self._queue) < self._capacity
            if fits:
                self._held += size
                self._queue.append(line)
        if not fits:
            LOGS_QUEUE_FULL.inc()
        elif not self._awake:
            self._start()

    def flush(self, timeout: float) -> bool:
        """Wait for what is queued to be written, at most `timeout` seconds. False: it was not."""
        written = threading.Event()
        self._queue.append(written)
        self._hurry.set()
        if not self._start() and not threading.main_thread().is_alive():
            self._drain()  # at the end of the interpreter no thread can be started, from Python 3.12 on
        done = written.wait(timeout)
        self._hurry.clear()
        return done

    def _start(self) -> bool:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # the first line, or the first after a fork
                thread = threading.Thread(target=self._run, name="log-sink", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no thread left: the next line tries again
                    return False
                self._thread = thread
        self._awake = True
        self._wake.set()
        return True

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._hurry.wait(self._gather_seconds)
            self._wake.clear()
            self._awake = False  # before the drain, which takes every line that was queued until now
            self._drain()

    def _drain(self) -> None:
        while self._queue:
            lines: list[bytes] = []
            flushed: list[threading.Event] = []
            size = 0
            while self._queue and size < _CALL_BYTES:
                item = self._queue.popleft()
                if isinstance(item, bytes):
                    lines.append(item)
                    size += len(item) + OVERHEAD
                else:
                    flushed.append(item)
            _write_all(self._descriptor, lines, LOGS_WRITE_FAILED)
            with self._lock:
                self._held -= size
            for event in flushed:
                event.set()


def _write_all(descriptor: int, lines: list[bytes], failed: Counter) -> None:
    data = memoryview(b"".join(lines))
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
        except OSError:
            failed.inc(bytes(data).count(b"\n"))
            return


stdout = Sink(1)
