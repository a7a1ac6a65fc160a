"""A queue of items for an exporter: limited, emptied by one thread. It never delays a request or the shutdown.

The SDK's batch processor drops items without counting them and may take half a minute to stop.
"""

import threading
import time
from collections import deque
from typing import Generic, NamedTuple, TypeVar

import structlog
from prometheus_client import Counter

from ..forks import renew_in_child
from .deliveries import Deliveries, ExportError

log = structlog.get_logger()

_BATCHES = 8  # of the largest size that fit into the limit

ItemT = TypeVar("ItemT")


class Capacity(NamedTuple):
    """The limits of a queue."""

    items: int
    batch: int
    """Items of one export."""
    delay: int
    """Milliseconds between two exports. 0: at once."""
    max_bytes: int
    """Of the memory of all items that have not been exported, those in the exporter's hands included."""


class Batches(Generic[ItemT]):
    """Hands items to `_send` in batches, from a thread of its own."""

    def __init__(self, signal: str, capacity: Capacity, full: Counter) -> None:
        """`full` counts what does not fit."""
        self._signal = signal
        self._capacity = capacity.items
        self._batch = min(capacity.batch, capacity.items)
        self._delay = capacity.delay / 1000 or None  # without a delay each item ends the wait
        self._due = self._batch if self._delay else 1
        self._max_bytes, self._batch_bytes = capacity.max_bytes, capacity.max_bytes // _BATCHES
        self._full = full
        self._deliveries = Deliveries(signal)
        self._begin()
        self._start()
        renew_in_child(self._begin)  # the parent exports its own items

    def _begin(self) -> None:
        self._bytes = 0
        self._queue: deque[tuple[ItemT, int]] = deque()
        self._lock = threading.RLock()  # a finalizer may add an item while its thread adds one
        self._full_batch = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._deliveries.renew()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=f"{self._signal}-queue", daemon=True)
                thread.start()
                self._thread = thread

    def _put(self, item: ItemT, needed: int) -> None:
        """Queue an item that needs so many bytes, or count it as dropped. Never blocks."""
        with self._lock:
            full = len(self._queue) >= self._capacity or self._bytes + needed > self._max_bytes
            if not (full or self._stopping):
                self._bytes += needed
                self._queue.append((item, needed))
        if self._thread is None:  # the first item of a forked child
            self._start()
        if full or self._stopping:
            self._full.inc()
        elif not self._full_batch.is_set() and (len(self._queue) >= self._due or self._bytes >= self._batch_bytes):
            self._full_batch.set()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until all queued items are with the exporter. Returns False when the timeout ends first."""
        deadline = time.monotonic() + timeout_millis / 1000
        while self._queue and time.monotonic() < deadline and self._thread is not None and self._thread.is_alive():
            self._full_batch.set()
            self._thread.join(0.01)
        return not self._queue

    def end(self) -> None:
        """Accept nothing more, and export what is queued."""
        self._stopping = True
        self._full_batch.set()

    def stop(self, timeout: float) -> bool:
        """End, and wait for at most `timeout` seconds. Count the rest as dropped. False: there was some."""
        self.end()
        if self._thread is not None:
            self._thread.join(timeout)
        done = self._thread is None or not self._thread.is_alive()
        self._deliveries.given_up = not done
        with self._lock:
            self._full.inc(len(self._queue))
            self._queue.clear()
        self._close()
        return done

    def _run(self) -> None:
        last = False
        while not last:
            self._full_batch.wait(self._delay)
            self._full_batch.clear()
            last = self._stopping  # before the queue is emptied, so that nothing ends up in it afterwards
            while self._queue:
                self._export_next()

    def _export_next(self) -> None:
        taken = self._take()
        if taken:
            self._export([item for item, _ in taken])
        with self._lock:
            self._bytes -= sum(needed for _, needed in taken)

    def _take(self) -> list[tuple[ItemT, int]]:
        """The next batch: at most its size in number and its part of the limit in bytes, but one item at least."""
        taken: list[tuple[ItemT, int]] = []
        held = 0
        with self._lock:
            while self._queue and len(taken) < self._batch:
                held += self._queue[0][1]
                if taken and held > self._batch_bytes:
                    break
                taken.append(self._queue.popleft())
        return taken

    def _export(self, batch: list[ItemT]) -> None:
        try:
            self._send(batch)
        except ExportError as error:
            self._deliveries.failed(len(batch), str(error))
        except Exception:  # an exporter's bug must not end the thread
            log.exception("telemetry.exporter_crashed")
            self._deliveries.failed(len(batch), "")
        else:
            self._deliveries.succeeded()

    def _send(self, batch: list[ItemT]) -> None:
        """Deliver a batch. Raises `ExportError`."""
        raise NotImplementedError

    def _close(self) -> None:
        """Stop retrying."""
        raise NotImplementedError
