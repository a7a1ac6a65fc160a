"""Floods on one connection: their bytes, their effect on the service, and on another client."""

import contextlib
import http.client
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

MIB = 1_048_576
SEND_BYTES = 262_144
PAUSE_SECONDS = 0.01
TIMEOUT_SECONDS = 30.0
MAX_SECONDS = 8.0  # of one flood: pipelined requests are served, which takes longer than sending them

_GET = b"GET /none HTTP/1.1\r\nHost: a\r\n"
_POST = b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_DEAF = b"POST /deaf HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_WAIT = b"GET /wait?seconds=0.2 HTTP/1.1\r\nHost: a\r\n\r\n"

# How each begins, and what then comes for ever.
STREAMS: Mapping[str, tuple[bytes, bytes]] = {
    "header lines": (_GET, b"A: b\r\n"),
    "one value": (_GET + b"A: ", b"b"),
    "one name": (_GET, b"A"),
    "target": (b"GET /", b"a"),
    "empty lines": (b"", b"\r\n"),
    "chunk extension": (_POST + b"1;", b"a"),
    "chunk extensions": (_POST, b"1;a=b\r\nx\r\n"),
    "trailers": (_POST + b"0\r\n", b"A: b\r\n"),
    "tiny chunks": (_POST, b"1\r\nx\r\n"),
    "pipelined requests": (b"", _GET + b"\r\n"),
    "pipelined behind a slow one": (_WAIT, _GET + b"\r\n"),
    "pipelined garbage": (_GET + b"\r\n", b"\0garbage"),
    "body after an early answer": (_DEAF, b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
    "tiny chunks after an early answer": (_DEAF, b"1\r\nx\r\n"),
    "an endless body": (b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n", b"x"),
}


class Effect(NamedTuple):
    """The effect of one flood."""

    sent_mib: float
    connections: int
    grown_mib: float
    """Resident memory at its highest, less what it was before."""
    p99_seconds: float
    """Of another client, meanwhile."""
    cpu_seconds: float
    seconds: float


def resident(pid: int, field: str = "VmRSS") -> float:
    """The memory of a process in MiB, now (`VmRSS`) or at most (`VmHWM`)."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def cpu(pid: int) -> float:
    """The CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def flood(url: str, pid: int, stream: str, size: int) -> Effect:
    """Send `size` bytes, on several connections if needed, while another client sends requests."""
    forget_highest(pid)
    before, used, began = resident(pid), cpu(pid), time.monotonic()
    with _asking(url) as seconds:
        connections, sent = _send(url, *STREAMS[stream], size)
    return Effect(
        sent_mib=sent / MIB,
        connections=connections,
        grown_mib=resident(pid, "VmHWM") - before,
        p99_seconds=statistics.quantiles(seconds, n=100, method="inclusive")[-1] if len(seconds) > 1 else 0.0,
        cpu_seconds=cpu(pid) - used,
        seconds=time.monotonic() - began,
    )


def forget_highest(pid: int) -> None:
    """Reset `VmHWM`."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "utf-8")


def _send(url: str, begin: bytes, more: bytes, size: int) -> tuple[int, int]:
    block = more * max(1, SEND_BYTES // len(more))
    connections = sent = 0
    ends = time.monotonic() + MAX_SECONDS
    while sent < size and time.monotonic() < ends:
        connections += 1
        with contextlib.suppress(OSError), _connection(url) as connection:
            reader = threading.Thread(target=_read, args=(connection,), daemon=True)
            reader.start()
            connection.sendall(begin)
            while sent < size and time.monotonic() < ends:
                sent += connection.send(block[: size - sent])
            connection.shutdown(socket.SHUT_RDWR)  # closing it would wait for the reader
    return connections, sent


def _connection(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), TIMEOUT_SECONDS)


def _read(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while connection.recv(SEND_BYTES):
            pass


@contextlib.contextmanager
def _asking(url: str) -> Iterator[Sequence[float]]:
    address, seconds, over = urlsplit(url), list[float](), threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
        with contextlib.closing(connection):
            while not over.wait(PAUSE_SECONDS):
                began = time.perf_counter()
                connection.request("GET", "/none")
                assert connection.getresponse().read() == b"none"
                seconds.append(time.perf_counter() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seconds
    finally:
        over.set()
        thread.join(TIMEOUT_SECONDS)


def _table(url: str, pid: int, sizes: Sequence[int]) -> Iterator[str]:
    yield f"{'stream':36}{'MiB':>5}{'conns':>7}{'grown MiB':>11}{'p99 ms':>8}{'CPU s':>7}{'s':>6}"
    for stream in STREAMS:
        for size in sizes:
            effect = flood(url, pid, stream, size * MIB)
            numbers = f"{effect.connections:>7}{effect.grown_mib:>11.1f}{effect.p99_seconds * 1000:>8.1f}"
            yield f"{stream:36}{effect.sent_mib:>5.0f}{numbers}{effect.cpu_seconds:>7.2f}{effect.seconds:>6.1f}"


if __name__ == "__main__":
    for line in _table(sys.argv[1], int(sys.argv[2]), [int(word) for word in sys.argv[3:]]):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
