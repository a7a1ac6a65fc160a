"""The three probes on the service port, status only, for platforms that know one port.

They sit outside the data plane, so that no log, trace or latency has to leave them out again.
"""

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .health import PROBES, Health


class Probes:
    """Answers the probes' paths; everything else goes to `app`."""

    def __init__(self, app: ASGIApp, health: Health) -> None:
        """Wrap the outermost application."""
        self.app = app
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http" and (probe := PROBES.get(scope["path"])) is not None:
            response = Response(status_code=200 if probe(self._health) else 503, headers={"Cache-Control": "no-store"})
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)
