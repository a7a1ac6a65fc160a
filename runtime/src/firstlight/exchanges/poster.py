"""Posts to one URL over a connection that is kept: each exchange has a total time limit and a limited response."""

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

BODY_BYTES = 65_536  # of a response
_RESPONSE_BYTES = 2 * BODY_BYTES  # with its head


class Answer(NamedTuple):
    """A response, whose body is cut at `BODY_BYTES`."""

    status: int
    reason: str
    headers: Message
    body: bytes


class Poster:
    """For one thread at a time."""

    def __init__(self, url: str, context: ssl.SSLContext | None) -> None:
        """Nothing is sent yet. `context` is needed for https."""
        self._route = Route(url, context)
        self._begin()
        renew_in_child(self._begin)  # what is said on the parent's connection is the parent's

    def _begin(self) -> None:
        self._kept: tuple[http.client.HTTPConnection, LimitedSocket] | None = None
        self._busy = threading.Lock()

    def post(self, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        """Send `body` within `seconds` in all, however slowly bytes come and go. No redirect is followed.

        Raises `OSError` or `http.client.HTTPException` where there is no answer.
        """
        with self._busy:
            limits = Limits(seconds, _RESPONSE_BYTES)
            if self._kept is not None:
                with suppress(http.client.RemoteDisconnected, ConnectionError):  # it has been idle for too long
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
        """Close the connection. An exchange in progress, in another thread, fails."""
        if self._busy.acquire(blocking=False):
            with suppress(OSError):
                self._drop()
            self._busy.release()
        elif (kept := self._kept) is not None:
            with suppress(OSError):  # not that of TLS, which forgets its state while the other thread uses it
                socket.shutdown(kept[1].raw, SHUT_RDWR)
