"""Refuses requests that have already waited too long when the server has parsed them, with less work than a response.

The cost of a refusal decides how much overload a service survives: it must refuse faster than requests arrive.
"""

import random
import time

from starlette.types import Scope

from ..management.health import PROBES
from ..problem_document import MEDIA_TYPE, document, encoded
from ..problem_types import PROBLEM_TYPES
from ..security.headers import REQUEST_ID
from ..security.response_headers import ResponseHeaders
from .arrival import ARRIVED, arrived, now
from .forwarded import Proxies
from .identification import acceptable
from .recorder import Recorder
from .shedding import DETAIL, HEADERS, Shedder

_STATUS = 503
_BODY = encoded(document(_STATUS, DETAIL, {"request_id": "%s"}, {})).decode()
_HEAD = "".join(f"{name.lower()}: {value}\r\n" for name, value in HEADERS.items())
_ANSWER = (
    f"HTTP/1.1 {_STATUS} {PROBLEM_TYPES[_STATUS].title}\r\ncontent-type: {MEDIA_TYPE}\r\n{_HEAD}"
    "content-length: %d\r\nx-request-id: %s\r\n%s%s\r\n%s"
)


class EarlyRefusal:
    """Refuses requests before the application is called."""

    def __init__(self, shedder: Shedder, recorder: Recorder, proxies: Proxies, headers: ResponseHeaders) -> None:
        """`shedder` decides how long a request may wait, `recorder` records the refused requests."""
        self._headers = headers
        self._shedder = shedder
        self._recorder = recorder
        self._proxies = proxies

    def due(self, scope: Scope) -> bool:
        """Whether to refuse this request. A probe is answered however long it waited."""
        moment = scope.get(ARRIVED)
        late = moment is not None and time.perf_counter_ns() - moment > self._shedder.limit
        return late and scope["path"] not in PROBES

    def answer(self, scope: Scope, *, close: bool) -> bytes:
        """Record the request, and return its whole response."""
        moment = now()
        wait = moment - arrived(scope)
        self._shedder.note(wait, moment)
        given = next((value for name, value in scope["headers"] if name == REQUEST_ID), b"")
        request_id = given.decode() if acceptable(given) else f"{random.getrandbits(128):032x}"
        self._proxies.resolve(scope)
        self._recorder.shed(scope, wait, request_id)
        body = _BODY % request_id
        sent = "" if scope["method"] == "HEAD" else body  # a client would read a body as the next response
        added = self._headers.of(scope).lines.decode()
        return (_ANSWER % (len(body), request_id, added, "connection: close\r\n" if close else "", sent)).encode()
