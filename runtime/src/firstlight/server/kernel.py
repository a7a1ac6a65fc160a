"""Facts of the kernel about a socket: when data arrived, and how many connections wait in the accept queue.

Linux only. On other systems, the latency of a request starts when it is read.
"""

import fcntl
import socket
import struct
import sys
import termios
import time
from typing import Any, NamedTuple

from prometheus_client import Gauge

from ..metrics.instruments import REGISTRY

# struct tcp_info of linux/tcp.h: eight bytes, then numbers of 32 bits. A listening socket has other numbers in two.
TCP_INFO: int | None = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
TCP_FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6})
_BYTES = 56
_QUEUE = struct.Struct("=24x2I24x")  # unacknowledged and selectively acknowledged segments
_SENT = struct.Struct("=i")
_LAST_DATA_RECEIVED = struct.Struct("=52xI")
MIN_WAIT_MILLISECONDS = 10  # the kernel's ticks are up to 10 ms long; shorter times are not exact
NANOSECONDS = 1_000_000

QUEUED = Gauge("http_server_accept_queue_connections", "Connections that wait to be accepted.", registry=REGISTRY)
MAX_QUEUED = Gauge(
    "http_server_accept_queue_max_connections", "Connections that may wait to be accepted.", registry=REGISTRY
)


class AcceptQueue(NamedTuple):
    """The length and the limit of the accept queue."""

    connections: int
    max_connections: int


class ReceivedAt:
    """Returns when the kernel received the data that is read from a connection now.

    Keeps a socket object for each connection, because uvloop would create one for each call (a third of the cost). The
    object does not own the descriptor.
    """

    __slots__ = ("_socket",)

    def __init__(self, transport: Any) -> None:
        """Use the socket of `transport`, if it has one."""
        self._socket: socket.socket | None = None
        owner = transport.get_extra_info("socket") if TCP_INFO is not None and transport is not None else None
        if owner is not None and owner.family in TCP_FAMILIES:
            self._socket = socket.socket(owner.family, owner.type, owner.proto, owner.fileno())

    def __call__(self) -> int:
        """Nanoseconds of `time.perf_counter_ns` when the last data arrived, or now if the kernel does not know."""
        now = time.perf_counter_ns()
        if self._socket is None:
            return now
        try:
            info: bytes = self._socket.getsockopt(socket.IPPROTO_TCP, TCP_INFO or 0, _BYTES)
        except OSError:  # closed in the meantime
            return now
        (milliseconds,) = _LAST_DATA_RECEIVED.unpack(info)
        return now - milliseconds * NANOSECONDS if milliseconds >= MIN_WAIT_MILLISECONDS else now

    def close(self) -> None:
        """Forget the descriptor before its owner closes it."""
        if self._socket is not None:
            self._socket.detach()
            self._socket = None


def unread_bytes(transport: Any) -> int:
    """The bytes that the client has not received yet: those in our buffer, and those in the kernel's."""
    waiting: int = transport.get_write_buffer_size()
    owner = transport.get_extra_info("socket")
    if TCP_INFO is None or owner is None:
        return waiting
    try:
        (in_kernel,) = _SENT.unpack(fcntl.ioctl(owner.fileno(), termios.TIOCOUTQ, bytes(_SENT.size)))
    except OSError:  # closed in the meantime
        return waiting
    return waiting + int(in_kernel)


def accept_queue(listener: socket.socket) -> AcceptQueue:
    """The accept queue of a listening socket, or an empty one when the socket is closed."""
    if TCP_INFO is None:
        return AcceptQueue(0, 0)
    try:
        info = listener.getsockopt(socket.IPPROTO_TCP, TCP_INFO, _BYTES)
    except OSError:
        return AcceptQueue(0, 0)
    return AcceptQueue(*_QUEUE.unpack(info))


def watch_accept_queue(listener: socket.socket) -> None:
    """Let each scrape read the queue."""
    QUEUED.set_function(lambda: accept_queue(listener).connections)
    MAX_QUEUED.set_function(lambda: accept_queue(listener).max_connections)
