"""A service that the tests attack: it stores notes, takes the address of a webhook, and fails on demand."""

import sys

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from firstlight import Identity, Operation, Service, main
from firstlight.security import FetchedUrl, StoredUrl


class Note(BaseModel):
    """The body of a note."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=100)
    page: StoredUrl | None = None


class Hook(BaseModel):
    """The body of a webhook."""

    callback: FetchedUrl


async def write(_: Request, body: Note) -> Response:
    """Repeat what was sent."""
    return JSONResponse({"text": body.text, "page": body.page}, 201)


async def hook(_: Request, body: Hook) -> Response:
    """Repeat what would be fetched."""
    return JSONResponse({"callback": body.callback}, 202)


async def read(request: Request) -> Response:
    """Repeat the number of the note."""
    return JSONResponse({"number": request.path_params["number"]})


async def fail(_: Request) -> Response:
    """Raise with a secret."""
    password = "correct-horse"  # noqa: S105 - a traceback must not show it
    msg = f"cannot connect with password={password}"
    raise RuntimeError(msg)


class Silence:
    """An application that answers nothing."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Return."""


async def go(request: Request) -> Response:
    """Redirect to what the client chose, which an escape must keep on one line."""
    return RedirectResponse(f"/notes/{request.query_params['to']}")


async def socket(websocket: WebSocket) -> None:
    """Accept and close."""
    await websocket.accept()
    await websocket.close()


IDENTITY = Identity(
    name="attacked",
    version="1.2.3",
    title="Attacked",
    description="A service for attacks.",
    owner="Team Attacked",
    defaults={"slo_availability": 0.999, "slo_latency": 0.99, "slo_latency_seconds": 0.25},
)
SERVICE = Service(
    identity=IDENTITY,
    routes=[
        Operation(method="POST", path="/notes", handler=write, body=Note),
        Operation(method="POST", path="/hooks", handler=hook, body=Hook),
        Operation(method="GET", path="/notes/{number}", handler=read),
        Route("/fail", fail),
        Route("/silence", Silence()),
        Route("/go", go),
        WebSocketRoute("/socket", socket),
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
