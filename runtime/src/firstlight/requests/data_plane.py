"""The data plane: one pure-ASGI object around the finished application, one pass over each request.

Only an outer object sees the 500 of an exception, the client that disconnected, and the request that was cancelled.
It changes nothing else: lifespans, trailers, early hints and exceptions pass through.
"""

import structlog
from opentelemetry.context import attach, detach
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import failures
from ..context import REQUEST
from ..metrics.active_requests import ACTIVE_REQUESTS, Labels
from ..metrics.instruments import ACTIVE_WEBSOCKETS
from ..problems import STOPPED, UNEXPECTED, ProblemResponse
from . import target
from .arrival import ARRIVED
from .observed_request import ObservedRequest
from .observed_websocket import ObservedWebsocket, WebsocketRecorder
from .request_record import SERVER_ERROR, UNAVAILABLE, Observers
from .shedding import Shedder, refuse

Observed = ObservedRequest | ObservedWebsocket
_OBSERVED = frozenset({"http", "websocket"})


class DataPlane:
    """Ids, span, metric, exemplar and event of every HTTP request and every websocket of `app`."""

    def __init__(self, app: ASGIApp, observers: Observers, websockets: WebsocketRecorder, shedder: Shedder) -> None:
        """Observe `app` with `observers`."""
        self.app = app
        self._observers = observers
        self._websockets = websockets
        self._shedder = shedder
        self._proxies = observers.proxies
        self._lifecycle = lifecycle = observers.lifecycle
        ACTIVE_REQUESTS.watch(self._active)
        ACTIVE_WEBSOCKETS.set_function(lambda: len(lifecycle.websockets))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one websocket."""
        observed = self._observed(scope, receive, send)
        if observed is None:
            await self.app(scope, receive, send)
            return
        active = self._lifecycle.requests if scope["type"] == "http" else self._lifecycle.websockets
        alone = ARRIVED in scope  # our server gives each request a context of its own
        if not alone:
            structlog.contextvars.clear_contextvars()
        tokens = REQUEST.set(observed.ids), attach(observed.context)
        active.add(observed)
        try:
            await (refuse if observed.shed else self.app)(scope, observed.receive, observed)
            if isinstance(observed, ObservedWebsocket):
                await observed.close()
            elif _is_unanswered(observed):
                await _answer_for(observed)
        except BaseException as error:
            await _failed(observed, error)
            raise
        finally:
            observed.finish()
            active.discard(observed)
            if not alone:
                detach(tokens[1])
                REQUEST.reset(tokens[0])

    def _active(self) -> list[Labels]:
        known = self._observers.known_methods
        active = list(self._lifecycle.requests)  # a copy: the loop changes the set while a scrape reads it
        return [(target.method(each.scope, known), target.scheme(each.scope)) for each in active]

    def _observed(self, scope: Scope, receive: Receive, send: Send) -> Observed | None:
        try:
            if self._proxies.trusted and scope["type"] in _OBSERVED:
                self._proxies.resolve(scope)
            if scope["type"] == "http":
                request = ObservedRequest(self._observers, scope, receive, send)
                request.shed = self._shedder.sheds(request.started - request.arrived, request.started)
                return request
            if scope["type"] == "websocket":
                return ObservedWebsocket(self._observers, self._websockets, scope, receive, send)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not cost the request
            failures.report("telemetry", "telemetry.failed", error)
        return None


async def _answer_for(request: ObservedRequest) -> None:
    """Answer a request that the application did not answer. It is recorded before, as incomplete."""
    request.status = 0  # of a response that our server has refused
    request.finish()
    await ProblemResponse(SERVER_ERROR, UNEXPECTED)(request.scope, request.receive, request)


async def _failed(observed: Observed, error: BaseException) -> None:
    """Note the error, and answer where nobody has: after `sys.exit()`, at the end of the drain, and for a bad head."""
    unanswered = isinstance(observed, ObservedRequest) and _is_unanswered(observed)
    observed.raised(error)
    if isinstance(observed, ObservedWebsocket):
        await observed.close(error)
    if unanswered and isinstance(observed, ObservedRequest):
        answer = ProblemResponse(SERVER_ERROR, UNEXPECTED)
        if observed.cancelled:
            observed.abandon()  # recorded before the answer below, which has another status
            answer = ProblemResponse(UNAVAILABLE, STOPPED)
        await answer(observed.scope, observed.receive, observed)


def _is_unanswered(request: ObservedRequest) -> bool:
    """Whether nothing was sent: there was no head, or our server has refused it. A client that has left needs none."""
    begun = request.status and getattr(request.cycle, "response_started", True)
    return not (begun or request.disconnected)
