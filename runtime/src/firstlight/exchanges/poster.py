"""Sends POST requests to one URL over a kept connection, with limits on the total time and the size of the response."""

import http.client
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from socket import SHUT_RDWR, socket
from typing import NamedTuple

from ..forks import renew_in_child
from .limited_socket import LimitedSocket, Limits
from .route import Route

BODY_BYTES = 65_536  # limit of the body of a response
_RESPONSE_BYTES = 2 * BODY_BYTES  # limit of a response with its head


class Answer(NamedTuple):
    """A response. Its body is cut at `BODY_BYTES`."""

    status: int
    reason: str
    headers: Message
    body: bytes


class Poster:
    """Sends one request at a time. A lock makes it thread-safe."""

    def __init__(self, url: str, context: ssl.SSLContext | None) -> None:
        """Nothing is sent yet. `context` is required for https."""
        self._route = Route(url, context)
        self._begin()
        renew_in_child(self._begin)  # a child must not write to the parent's connection

    def _begin(self) -> None:
        self._kept: tuple[http.client.HTTPConnection, LimitedSocket] | None = None
        self._busy = threading.Lock()

    def post(self, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        """Send `body` and read the response within `seconds` in total. Redirects are not followed.

        Raises `OSError` (with `TimeoutError` and `ResponseTooLargeError`) or `http.client.HTTPException`.
        """
        with self._busy:
            limits = Limits(seconds, _RESPONSE_BYTES)
            if self._kept is not None:
                with suppress(http.client.RemoteDisconnected, ConnectionError):  # closed by the server while idle
                    return self._exchange(body, headers, limits)
            return self._exchange(body, headers, limits)

    def _exchange(self, body: bytes, headers: Mapping[str, str], limits: Limits) -> Answer:
        connection, limited = self._kept = self._kept or self._route.connect(limits)
        limited.limits = limits
        whole = False
        try:
            connection.request("POST", self._route.target, body, {**headers, **self._route.headers})
            response = connection.getresponse()
            content = response.read(BODY_BYTES)
            whole = response.isclosed() and not response.will_close
            response.close()
            return Answer(response.status, response.reason, response.headers, content)
        finally:
            if not whole:
                self._drop()

    def _drop(self) -> None:
        if self._kept is not None:
            connection, limited = self._kept
            self._kept = None
            connection.close()
            limited.close()

    def close(self) -> None:
        """Close the connection. An exchange in another thread fails."""
        if self._busy.acquire(blocking=False):
            with suppress(OSError):
                self._drop()
            self._busy.release()
        elif (kept := self._kept) is not None:
            with suppress(OSError):  # not `SSLSocket.shutdown`, which clears the state that the other thread uses
                socket.shutdown(kept[1].raw, SHUT_RDWR)
