"""Ports on loopback, for the tests of the runtime. Those of the repository have their own."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# The kernel takes a port from this range for every client, and for a server that asks for port 0.
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL_RANGE = "32768 60999"  # of Linux; that of other systems begins later
LOWEST = 10_000  # the usual ports of the programs that tests start are below it

_given: set[int] = set()


def free_port() -> int:
    """A port on which a process can listen later: no client gets it in between, and no caller of this a second time.

    Give a process port 0 instead where its log says which port that became.
    """
    limit = int((RANGE.read_text() if RANGE.exists() else USUAL_RANGE).split()[0])
    ports = range(LOWEST, max(limit, LOWEST + 1000))  # where the kernel's range begins that low, chance must do
    while True:
        port = secrets.choice(ports)  # not from a seed, which other processes may have
        with suppress(OSError):
            if port not in _given:
                socket.create_server(("127.0.0.1", port)).close()
                _given.add(port)
                return port


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections until the end of the block: it is taken, and nobody listens on it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
