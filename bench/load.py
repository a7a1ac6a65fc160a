"""The load: keep-alive connections on plain sockets, in a process and on a core of its own, from the standard library.

Closed loop: every connection sends its next request when it has its answer. Open loop: requests leave on a fixed
schedule whatever the answers do, and latency is counted from the scheduled instant, so that waiting is not left out.
"""

import gc
import json
import os
import select
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any

CONNECTIONS = 32
PATIENCE_SECONDS = 30.0
SPIN_SECONDS = 0.0002  # before a scheduled instant: the kernel's timers are later than this is long
RECEIVE_BYTES = 1 << 16


@dataclass(frozen=True)
class Order:
    """What to send. `{n}` becomes the request's number; `rate` 0 is a closed loop."""

    port: int
    count: int
    path: str = "/items/{n}"
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    rate: float = 0.0
    connections: int = CONNECTIONS
    turns: Sequence[Mapping[str, Any]] = ()  # path, method and body of the requests, in turn

    def request(self, number: int) -> bytes:
        """The bytes of one request."""
        if self.turns:
            return replace(self, turns=(), **self.turns[number % len(self.turns)]).request(number)
        head = f"{self.method} {self.path} HTTP/1.1\r\n".replace("{n}", str(number))
        body = self.body.replace("{n}", str(number)).encode()
        length = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        common = f"host: 127.0.0.1\r\nuser-agent: firstlight-bench\r\naccept: */*\r\n{length}{more}\r\n"
        return head.encode() + common.encode() + body


@dataclass(frozen=True)
class Answers:
    """What came back: how many of each status, and for an open loop each request's latency in seconds."""

    statuses: Mapping[str, int]
    latencies: list[float] = field(default_factory=list)


class Connection:
    """One keep-alive connection with at most one request on its way."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self.scheduled = 0.0
        self._port = port
        self._buffer = b""
        self._socket = self._connect()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), PATIENCE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        """Send one request."""
        self._socket.sendall(request)

    def receive(self) -> str | None:
        """The status of the answer, once all of it is here. Raises `ConnectionError` for half of one."""
        data = self._socket.recv(RECEIVE_BYTES)
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        length = _length(head) if found else None
        if not data and (not found or length is not None):
            msg = f"the server closed a connection after {self._buffer!r}"
            raise ConnectionError(msg)
        if not found or (length is None and data) or (length is not None and len(body) < length):
            return None
        self._buffer = b""
        if not data or b"connection: close" in head.lower():
            fresh = self._connect()  # before the old one is closed, so that it gets another number
            self.close()
            self._socket = fresh
        return head[9:12].decode()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def _length(head: bytes) -> int | None:
    start = head.lower().find(b"content-length:")
    return None if start < 0 else int(head[start + 15 :].split(b"\r\n", 1)[0])


def closed_loop(order: Order, connections: list[Connection]) -> Answers:
    """Send `count` requests as fast as they are answered."""
    statuses: Counter[str] = Counter()
    requests = map(order.request, range(order.count))
    poll, by_number = select.poll(), dict[int, Connection]()

    def send_next(connection: Connection) -> None:
        if (request := next(requests, None)) is not None:
            by_number[connection.fileno()] = connection
            poll.register(connection, select.POLLIN)
            connection.send(request)

    for connection in connections:
        send_next(connection)
    while statuses.total() < order.count:
        for number in _ready(poll):
            connection = by_number[number]
            if (status := connection.receive()) is not None:
                statuses[status] += 1
                if connection.fileno() != number:  # it had to connect again
                    poll.unregister(number)
                send_next(connection)
    return Answers(dict(statuses))


def _ready(poll: select.poll) -> list[int]:
    """Ask until something can be read.

    A load that waits in the kernel is woken by the server, in the server's time: 7 us for each response here, and only
    where the load is faster than the server. The client of a deployed service waits on another machine.
    """
    until = time.perf_counter() + PATIENCE_SECONDS
    while not (ready := poll.poll(0)):
        if time.perf_counter() > until:
            msg = f"no answer for {PATIENCE_SECONDS:.0f} s"
            raise TimeoutError(msg)
        os.sched_yield()  # to what else runs on this core: the sink, the reader of log lines, a database
    return [number for number, _ in ready]


def open_loop(order: Order, connections: list[Connection]) -> Answers:
    """Send `count` requests at `rate` a second."""
    statuses: Counter[str] = Counter()
    latencies: list[float] = []
    idle, busy, late = deque(connections), set[Connection](), deque[float]()
    start = time.perf_counter() + 0.05
    due = sent = 0
    while len(latencies) < order.count:
        now = time.perf_counter()
        while due < order.count and start + due / order.rate <= now:
            late.append(start + due / order.rate)
            due += 1
        while late and idle:
            connection = idle.popleft()
            connection.scheduled = late.popleft()
            connection.send(order.request(sent))
            sent += 1
            busy.add(connection)
        for connection in _readable(busy, start + due / order.rate if due < order.count else now + 1):
            if (status := connection.receive()) is not None:
                latencies.append(time.perf_counter() - connection.scheduled)
                statuses[status] += 1
                busy.remove(connection)
                idle.append(connection)
    return Answers(dict(statuses), latencies)


def _readable(busy: set[Connection], until: float) -> list[Connection]:
    """Wait for answers, and spin when the next instant is near."""
    seconds = until - time.perf_counter() - SPIN_SECONDS
    return select.select(list(busy), [], [], max(seconds, 0))[0]


def run(order: Order) -> Answers:
    """Carry out one order."""
    gc.disable()  # a collection here would be counted as the server's latency
    with ExitStack() as stack:
        connections = [Connection(order.port) for _ in range(order.connections)]
        for connection in connections:
            stack.callback(connection.close)
        return (open_loop if order.rate else closed_loop)(order, connections)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(run(Order(**json.loads(sys.argv[1]))))))
