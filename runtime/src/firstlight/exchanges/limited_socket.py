"""A socket whose reads and writes share one deadline, and whose reads have a limit in bytes.

A timeout of a socket limits one wait: a peer that sends a byte now and then holds the exchange for ever.
"""

import io
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_WRITE_BYTES = 65_536


class ResponseTooLargeError(OSError):
    """The peer sent more than it may."""


class Limits:
    """The time and the bytes that are left of one exchange."""

    def __init__(self, seconds: float, read_bytes: int) -> None:
        """Start the clock."""
        self._deadline = time.monotonic() + seconds
        self._read_bytes = read_bytes

    def seconds_left(self) -> float:
        """Above zero. Raises `TimeoutError` when nothing is left."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            msg = "the time limit of the exchange is over"
            raise TimeoutError(msg)
        return left

    def count(self, read: int) -> int:
        """Take `read` bytes from what is left, and return them. Raises `ResponseTooLargeError`."""
        self._read_bytes -= read
        if self._read_bytes < 0:
            msg = "the response is too large"
            raise ResponseTooLargeError(msg)
        return read


class _Reader(io.RawIOBase):
    def __init__(self, connected: "LimitedSocket") -> None:
        self._connected = connected
        self._raw = connected.raw.makefile("rb", buffering=0)  # keeps the descriptor open until it is closed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        limits = self._connected.limits
        self._connected.raw.settimeout(limits.seconds_left())
        return limits.count(self._raw.readinto(buffer) or 0)

    def close(self) -> None:
        self._raw.close()
        super().close()


class LimitedSocket:
    """What `http.client` uses of a socket. `limits` are those of the exchange in progress."""

    def __init__(self, raw: socket.socket, limits: Limits) -> None:
        """Read and write through `raw`, which is connected."""
        self.raw = raw
        self.limits = limits

    def makefile(self, mode: str) -> io.BufferedReader:
        """A reader; `mode` is always `rb`."""
        del mode
        return io.BufferedReader(_Reader(self))

    def sendall(self, data: bytes) -> None:
        """Send everything. Raises `TimeoutError`."""
        view = memoryview(data)
        while view:
            self.raw.settimeout(self.limits.seconds_left())
            view = view[self.raw.send(view[:_WRITE_BYTES]) :]

    def close(self) -> None:
        """Close the socket; its readers stay readable."""
        self.raw.close()
