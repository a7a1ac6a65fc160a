"""Routes that fail on demand, and a service that consists of them. Tests run it as a real process."""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from firstlight import Identity, Service, main
from firstlight.context import current_request
from firstlight.problems import NotFoundError

log = structlog.get_logger()


async def none(_: Request) -> Response:
    """Answer at once, for comparison."""
    return PlainTextResponse("none")


async def missing(_: Request) -> Response:
    """Raise a 404."""
    raise NotFoundError


async def fail(_: Request) -> Response:
    """Raise an error that no handler expects."""
    msg = "on demand, password=hunter2"
    raise RuntimeError(msg)


async def header(request: Request) -> Response:
    """Answer with a header that the query chooses."""
    return Response(b"a", headers={request.query_params["name"]: request.query_params["value"]})


async def length(request: Request) -> Response:
    """Answer with three bytes, and the length that the query chooses."""
    kind = Swallowing if "swallowed" in request.query_params else Response
    return kind(b"abc", headers={"content-length": request.query_params["length"]})


class Swallowing(Response):
    """Goes on when the server refuses it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with suppress(RuntimeError):
            await super().__call__(scope, receive, send)


class Once(PlainTextResponse):
    """Its headers can be read only once, as ASGI allows."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        del scope, receive
        headers = reversed(self.raw_headers)
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def slow(request: Request) -> Response:
    """Answer late, without blocking the event loop."""
    await asyncio.sleep(float(request.query_params.get("seconds", "1")))
    return PlainTextResponse("slow")


async def block(request: Request) -> Response:
    """Block the event loop, as a synchronous call in a coroutine does."""
    time.sleep(float(request.query_params.get("seconds", "1")))  # noqa: ASYNC251 - this is the fault
    return PlainTextResponse("blocked")


async def hold(request: Request) -> Response:
    """Block every thread, as a C call that does not release the GIL."""
    end = time.perf_counter() + float(request.query_params["seconds"])
    words = "a" * 20
    while time.perf_counter() < end:
        re.fullmatch("(a+)+b", words)
        words += "a"
    return PlainTextResponse("held")


async def burn(_: Request) -> Response:
    """Use 20 ms of CPU."""
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        pass
    return PlainTextResponse("burned")


async def stream(request: Request) -> Response:
    """Send chunks for ever, or raise after some."""
    chunks = int(request.query_params.get("chunks", "0"))

    async def body() -> AsyncIterator[bytes]:
        sent = 0
        while not chunks or sent < chunks:
            yield b"chunk\n"
            sent += 1
            await asyncio.sleep(0.01)
        msg = "broke off in mid-stream"
        raise RuntimeError(msg)

    return StreamingResponse(body(), media_type="text/plain")


async def bind(request: Request) -> Response:
    """Bind a field to the log lines of this request, log before and after, and answer with the request id."""
    await asyncio.sleep(0)
    tenant = request.query_params["tenant"]
    log.info("faults.unbound", given=tenant)
    structlog.contextvars.bind_contextvars(tenant=tenant)
    log.info("faults.bound", given=tenant)
    ids = current_request()
    return PlainTextResponse(ids.request_id if ids else "")


async def write(request: Request) -> Response:
    """Write many log lines at once."""
    for number in range(int(request.query_params["lines"])):
        log.info("faults.written", number=number)
    return PlainTextResponse("written")


async def hang(_: Request) -> Response:
    """Never answer. Takes a moment to clean up when cancelled, like the end of a transaction."""
    try:
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(0.1)
    return PlainTextResponse("hung")


def thread(request: Request) -> Response:
    """Occupy a thread of the pool. A thread cannot be cancelled."""
    time.sleep(float(request.query_params["seconds"]))
    return PlainTextResponse("thread")


async def reveal(_: Request) -> Response:
    """Raise with secrets in the message, in the cause and in a local variable, and with a control code of terminals."""
    password = "correct-horse"  # noqa: S105, F841 - only a careless traceback shows it
    cause = ConnectionError("cannot reach postgresql://app:battery-staple@db.example/app")
    msg = "no answer to Authorization: Bearer c3RhcGxlLWJhdHRlcnk.x, client_secret='zebra-paper', \x1b[2Jgone"
    raise RuntimeError(msg) from cause


FAULTS: list[BaseRoute] = [
    Route("/faults/none", none),
    Route("/faults/missing/{name}", missing),
    Route("/faults/fail", fail),
    Route("/faults/header", header),
    Route("/faults/length", length),
    Route("/faults/slow", slow),
    Route("/faults/burn", burn),
    Route("/faults/block", block),
    Route("/faults/hold", hold),
    Route("/faults/stream", stream),
    Route("/faults/bind", bind),
    Route("/faults/write", write),
    Route("/faults/hang", hang),
    Route("/faults/thread", thread),
    Route("/faults/reveal", reveal),
]

IDENTITY = Identity(
    name="sample",
    version="1.2.3",
    title="Sample",
    description="A service for the tests of the runtime.",
    owner="Team Sample",
    defaults={"slo_availability": 0.999, "slo_latency": 0.99, "slo_latency_seconds": 0.25},
)
SERVICE = Service(identity=IDENTITY, routes=FAULTS)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
