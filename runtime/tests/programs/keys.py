"""A service that honours idempotency keys. Its handlers wait at a gate, so that tests decide when they end."""

import asyncio
import sys
import threading

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from firstlight import Identity, Operation, Service, main
from firstlight.idempotency import IDEMPOTENCY

GATE, GATE_OF_THREADS = asyncio.Event(), threading.Event()
calls: list[str] = []


async def wait(request: Request) -> Response:
    """Note the call, wait, and answer with the number of calls."""
    calls.append(request.url.path)
    await GATE.wait()
    return JSONResponse({"calls": len(calls)}, 201)


async def wait_briefly(request: Request) -> Response:
    """Do the same within a short deadline."""
    return await wait(request)


def wait_in_a_thread(request: Request) -> Response:
    """Do the same in a thread, which no deadline ends."""
    calls.append(request.url.path)
    GATE_OF_THREADS.wait()
    return JSONResponse({"calls": len(calls)}, 201)


async def open_gate(_: Request) -> Response:
    """Let handlers end."""
    GATE.set()
    GATE_OF_THREADS.set()
    return Response()


async def close_gate(_: Request) -> Response:
    """Let handlers wait."""
    GATE.clear()
    GATE_OF_THREADS.clear()
    return Response()


async def count(_: Request) -> Response:
    """Answer with the number of calls so far."""
    return JSONResponse(len(calls))


def _post(path: str, handler: object, deadline_seconds: float) -> Operation:
    return Operation(
        method="POST",
        path=path,
        handler=handler,  # type: ignore[arg-type] # both kinds of handler
        idempotent=True,
        deadline_seconds=deadline_seconds,
    )


SERVICE = Service(
    identity=Identity(
        name="keys",
        version="1.2.3",
        title="Keys",
        description="A service for the tests of idempotency keys.",
        owner="Team Sample",
        defaults={"slo_availability": 0.999, "slo_latency": 0.99, "slo_latency_seconds": 0.25},
    ),
    components=[IDEMPOTENCY],
    routes=[
        _post("/wait", wait, 60),
        _post("/short", wait_briefly, 0.2),
        _post("/thread", wait_in_a_thread, 0.2),
        Operation(method="GET", path="/calls", handler=count),
        Operation(method="GET", path="/open", handler=open_gate),
        Operation(method="GET", path="/close", handler=close_gate),
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
