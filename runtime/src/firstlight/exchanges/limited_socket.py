"""A socket whose reads and writes share one deadline, and whose reads have a limit in bytes.

The timeout of a socket limits single waits: a peer that sends a byte now and then would hold the exchange for ever.
"""

import io
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_WRITE_BYTES = 65_536


class ResponseTooLargeError(OSError):
    """The peer sent more bytes than the limit."""


class Limits:
    """The remaining time and bytes of one exchange."""

    def __init__(self, seconds: float, read_bytes: int) -> None:
        """Start the clock. `seconds` limit the exchange, `read_bytes` the response with its head."""
        self._deadline = time.monotonic() + seconds
        self._read_bytes = read_bytes

    def seconds_left(self) -> float:
        """The remaining seconds, above zero. Raises `TimeoutError` when the time is over."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            msg = "the time limit of the exchange is over"
            raise TimeoutError(msg)
        return left

    def count(self, read: int) -> int:
        """Subtract `read` from the remaining bytes, and return it. Raises `ResponseTooLargeError`."""
        self._read_bytes -= read
        if self._read_bytes < 0:
            msg = "the response is too large"
            raise ResponseTooLargeError(msg)
        return read


class _Reader(io.RawIOBase):
    def __init__(self, connected: "LimitedSocket") -> None:
        self._connected = connected
        self._raw = connected.raw.makefile("rb", buffering=0)  # keeps the descriptor open until the reader is closed

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
    """The part of a socket's interface that `http.client` uses. `limits` are those of the current exchange."""

    def __init__(self, raw: socket.socket, limits: Limits) -> None:
        """`raw` is a connected socket."""
        self.raw = raw
        self.limits = limits

    def makefile(self, mode: str) -> io.BufferedReader:
        """A reader. `mode` is ignored: `http.client` always passes `rb`."""
        del mode
        return io.BufferedReader(_Reader(self))

    def sendall(self, data: bytes) -> None:
        """Send all data. Raises `TimeoutError`."""
        view = memoryview(data)
        while view:
            self.raw.settimeout(self.limits.seconds_left())
            view = view[self.raw.send(view[:_WRITE_BYTES]) :]

    def close(self) -> None:
        """Close the socket. Its readers stay usable."""
        self.raw.close()
