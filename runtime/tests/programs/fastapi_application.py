"""A service that mounts a FastAPI application, beside a route and a Starlette application of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, WebSocket
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from firstlight import Identity, Service, main
from firstlight.context import current_request
from firstlight.problems import ConflictError

EVENTS: list[str] = []


class Parcel(BaseModel):
    """The body of a parcel."""

    weight: int


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, str]]:
    """Note the begin and the end, and give requests a state."""
    EVENTS.append("opened")
    yield {"scales": "ready"}
    EVENTS.append("closed")


items = APIRouter()
legacy = APIRouter()


@items.get("/items/{name}")
async def read(name: str, request: Request, limit: Annotated[int, Query(ge=1)] = 1) -> dict[str, object]:
    """Read an item."""
    ids = current_request()
    return {"name": name, "limit": limit, "scales": request.state.scales, "id": ids and ids.request_id}


@items.post("/items", status_code=201)
def create(parcel: Parcel) -> Parcel:
    """Create an item in a thread."""
    return parcel


@items.get("/fail/{kind}")
async def fail(kind: str) -> None:
    """Fail."""
    if kind == "http":
        raise HTTPException(409, {"code": 7}, {"X-Reason": "taken"})
    if kind == "text":
        raise HTTPException(404, "no such <item>")
    if kind == "service":
        msg = "It is taken."
        raise ConflictError(msg)
    msg = "password=hunter2"
    raise RuntimeError(msg)


@items.get("/slow")
async def slow() -> str:
    """Answer late."""
    await asyncio.sleep(0.5)
    return "slow"


@items.websocket("/listen")
async def listen(websocket: WebSocket) -> None:
    """Send one message."""
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


async def plain(_: Request) -> Response:
    """Answer from a Starlette route."""
    return PlainTextResponse("plain")


SPANS = InMemorySpanExporter()  # of FastAPI's own telemetry
PROVIDER = TracerProvider()
PROVIDER.add_span_processor(SimpleSpanProcessor(SPANS))
API = FastAPI(lifespan=lifespan, telemetry={"tracer_provider": PROVIDER})
nested = APIRouter()
nested.include_router(items, prefix="/{tenant}")
API.include_router(nested, prefix="/v1")
API.include_router(items, prefix="/v2")
API.mount("/old", FastAPI(routes=[Route("/plain/{name}", plain)]))


@API.get("/direct/{name}")
async def direct(name: str) -> str:
    """Answer from a route of the application itself."""
    return name


SERVICE = Service(
    identity=Identity(name="parcels", version="1.0.0"),
    routes=[
        Route("/own", plain),
        Mount("/starlette", app=Starlette(routes=[Route("/plain", plain)])),
        Mount("/api", app=API),
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
