"""A service that fails in the place and in the way of the request: `/request?kind=plain` and so on."""

import asyncio
import atexit
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import structlog
from pydantic_settings import BaseSettings
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from firstlight import (
    Background,
    Check,
    Command,
    Component,
    Identity,
    Layer,
    Operation,
    Process,
    Service,
    Surroundings,
    main,
)

DEPTH = 4_000  # frames
KINDS = ("plain", "base", "exit", "cancelled", "deep", "mute")
Kind = Literal["plain", "base", "exit", "cancelled", "deep", "mute"]

PLACE, KIND = os.environ.get("FAILING_PLACE", ""), os.environ.get("FAILING_KIND", "plain")  # outside the component

log = structlog.get_logger()


class UncommonError(BaseException):
    """A subclass of `BaseException`."""


def fail(place: str, kind: str) -> None:
    """Raise an error of this kind. Its traceback names the place and the kind."""
    token = f"{place}-{kind}"
    match kind:
        case "base":
            raise UncommonError(token)
        case "exit":
            raise SystemExit(token)
        case "cancelled":
            raise asyncio.CancelledError(token)
        case "deep":
            sys.setrecursionlimit(2 * DEPTH)
            descend(token, DEPTH // 2)
        case "mute":
            raise type(token, (Exception,), {"__str__": lambda _: 1 / 0})
    raise ValueError(token)


def descend(token: str, depth: int) -> None:
    """Raise at the end of a deep recursion."""
    if not depth:
        raise ValueError(token)
    ascend(token, depth - 1)


def ascend(token: str, depth: int) -> None:
    """A second function, so that the traceback cannot be shortened to one line."""
    descend(token, depth)


async def fail_later(place: str, kind: str) -> None:
    """Raise in a coroutine. A cancellation is that of another task."""
    if kind == "cancelled":
        other = asyncio.ensure_future(asyncio.Event().wait())
        await asyncio.sleep(0)
        other.cancel(f"{place}-{kind}")
        await other
    fail(place, kind)


class Orders:
    """The next error of places that no request reaches."""

    def __init__(self) -> None:
        """No error."""
        self.background = {kind: asyncio.Event() for kind in KINDS}
        self.check = ""
        self.kept: list[object] = []


ORDERS = Orders()


async def request(request: Request) -> Response:
    """Fail in a handler."""
    await fail_later("request", request.query_params["kind"])
    return PlainTextResponse("unreachable")


async def left(request: Request) -> Response:
    """Fail after the client has closed the connection."""
    log.info("client.awaited")
    while not await request.is_disconnected():  # noqa: ASYNC110 - only asking tells
        await asyncio.sleep(0.01)
    await fail_later("left", request.query_params["kind"])
    return PlainTextResponse("unreachable")


async def well(_: Request) -> Response:
    """Answer."""
    return PlainTextResponse("well")


async def plane(request: Request) -> Response:
    """Put a value into the scope that causes an error in the data plane."""
    kind = request.query_params["kind"]

    class Client:
        def __getitem__(self, _: int) -> str:
            fail("plane", kind)
            return ""

    request.scope["client"] = Client()
    return PlainTextResponse("well")


async def thread(request: Request) -> Response:
    """Fail in a thread of its own."""
    dying = threading.Thread(target=fail, args=("thread", request.query_params["kind"]), name="dying")
    dying.start()
    await asyncio.to_thread(dying.join)
    return PlainTextResponse("well")


async def task(request: Request) -> Response:
    """Fail in a task that is referenced, but not awaited."""
    ORDERS.kept.append(asyncio.create_task(fail_later("task", request.query_params["kind"]), name="kept"))
    return PlainTextResponse("well")


async def loop(request: Request) -> Response:
    """Fail in a callback of the loop."""
    asyncio.get_running_loop().call_soon(fail, "loop", request.query_params["kind"])
    return PlainTextResponse("well")


async def finalizer(request: Request) -> Response:
    """Fail as an object is deleted."""
    kind = request.query_params["kind"]

    class Dying:
        def __del__(self) -> None:
            fail("finalizer", kind)

    Dying()
    return PlainTextResponse("well")


async def background(request: Request) -> Response:
    """Make the background task fail."""
    ORDERS.background[request.query_params["kind"]].set()
    return PlainTextResponse("well")


async def check(request: Request) -> Response:
    """Make the check fail, or pass again."""
    ORDERS.check = request.query_params.get("kind", "")
    return PlainTextResponse("well")


async def logged(request: Request) -> Response:
    """Handle an error and log it."""
    try:
        await fail_later("logged", request.query_params["kind"])
    except BaseException:
        log.exception("order.failed")
    return PlainTextResponse("well")


async def before_accept(websocket: WebSocket) -> None:
    """Fail before the handshake is answered."""
    await fail_later("handshake", websocket.query_params["kind"])


async def after_accept(websocket: WebSocket) -> None:
    """Fail when the websocket is open."""
    await websocket.accept()
    await fail_later("accepted", websocket.query_params["kind"])


def failing_task(kind: str) -> Background:
    """Background work that fails once, on request."""

    async def run(_: Surroundings[Any]) -> None:
        await ORDERS.background[kind].wait()
        ORDERS.background[kind].clear()
        await fail_later("background", kind)

    return Background(f"failing_{kind}", run, processes=("web", "worker"))


def failing_check(kind: str) -> Check:
    """A check that fails on request."""

    async def examine() -> None:
        if ORDERS.check == kind:
            await fail_later("check", kind)

    return Check(f"examined_{kind}", examine, interval_seconds=0.02)


class Settings(BaseSettings):
    """`FAILING_*`: where and how the component fails."""

    model_config = {"env_prefix": "failing_"}

    place: str = ""
    kind: Kind = "plain"


@asynccontextmanager
async def opened(surroundings: Surroundings[Settings]) -> AsyncIterator[Settings]:
    """Fail as the settings say."""
    settings = surroundings.settings
    if settings.place == "open":
        await fail_later("open", settings.kind)
    if settings.place == "blocked":
        log.info("opening.blocked")
        time.sleep(30)  # noqa: ASYNC251 - a step that only a signal interrupts
    yield settings
    if settings.place == "close":
        await fail_later("close", settings.kind)


def checks(settings: Settings) -> Sequence[Check]:
    """Fail as the settings say."""
    if settings.place == "checks":
        fail("checks", settings.kind)
    return [failing_check(kind) for kind in KINDS]


async def work(surroundings: Surroundings[Any]) -> None:
    """Fail as the settings say, in another process."""
    settings = FAILING.of(surroundings)
    if settings.place == "worker":
        await fail_later("worker", settings.kind)
    if settings.place == "last_task":
        ORDERS.kept.append(asyncio.create_task(fail_later("last_task", settings.kind)))
        await asyncio.sleep(0.01)


async def command(surroundings: Surroundings[Any], _: Sequence[str]) -> None:
    """Fail as the settings say."""
    await fail_later("command", surroundings.settings.kind)


def in_middleware(app: ASGIApp, _: Operation | None) -> ASGIApp:
    """Fail around the router, or when it is created, which is at the start of the server."""
    if PLACE == "build":
        fail("build", KIND)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/middleware":
            await fail_later("middleware", scope["query_string"].decode().removeprefix("kind="))
        await app(scope, receive, send)

    return wrapped


def around_routes(app: ASGIApp, _: Operation | None) -> ASGIApp:
    """Fail when the application is created."""
    if PLACE == "create":
        fail("create", KIND)
    return app


@asynccontextmanager
async def last(_: Surroundings[Any]) -> AsyncIterator[None]:
    """Log when it closes."""
    try:
        yield
    finally:
        log.info("neighbour.closed")


FAILING = Component(
    name="failing",
    settings=Settings,
    open=opened,
    checks=checks,
    middleware={Layer.LIMIT_BY_ADDRESS: in_middleware, Layer.AUTHENTICATE: around_routes},
    background=[failing_task(kind) for kind in KINDS],
    commands={"fail": Command(command, "Fail")},
    processes={"worker": Process(work, "Fail")},
)
HANDLERS: Sequence[Callable[[Request], Awaitable[Response]]] = (
    request,
    left,
    well,
    plane,
    thread,
    task,
    loop,
    finalizer,
    background,
    check,
    logged,
)
SERVICE = Service(
    identity=Identity(name="sample", version="1", management_ports={"web": 9464, "worker": 9465}),
    components=[Component(name="neighbour", settings=BaseSettings, open=last), FAILING],
    routes=[
        *(Route(f"/{handler.__name__}", handler) for handler in HANDLERS),
        Route("/middleware", well),
        WebSocketRoute("/handshake", before_accept),
        WebSocketRoute("/accepted", after_accept),
    ],
)

if __name__ == "__main__":
    if PLACE == "atexit":
        atexit.register(fail, "atexit", KIND)
    status = main(SERVICE)
    if PLACE == "main":
        fail("main", KIND)
    sys.exit(status)
