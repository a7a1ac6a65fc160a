"""Rows: websockets, and streams during the drain."""

from .expectations import counted, holds, logged, no_error_lines, number, saw, saw_only
from .row import Row
from .trial import Trial
from .websocket import connect, leave, say
from .wire import Wire, head

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
CLOSED = "websocket.closed"


async def converse(trial: Trial) -> None:
    """A websocket that is opened, used and closed."""
    reply, wire = await connect(trial, "/echo", traceparent=PARENT)
    trial.saw(reply.status)
    trial.saw(await say(wire, "hello"))
    trial.measured["active"] = (await trial.scrape()).sum("websocket_active_connections")
    trial.measured["with_id"] = "x-request-id" in reply.headers
    await leave(wire)


async def drain(trial: Trial) -> None:
    """SIGTERM while a stream waits for the drain."""
    wire = await Wire.open(trial.service.port)
    await wire.send(head("/until-drain"))
    await wire.head()
    async for chunk in wire.chunks():
        trial.saw(chunk.decode().strip())
        if chunk == b"begun\n":
            trial.service.terminate()
    trial.saw("complete")
    wire.close()
    await trial.until(trial.has_ended)


ROWS = [
    Row(
        name="websocket",
        item=10,
        sent="a websocket: opened with a trace context, used, closed",
        send=converse,
        expect=[
            saw("101"),
            saw("hello"),
            number("active websockets meanwhile", lambda trial: trial.measured.get("active", 0), 1, 1),
            number("answers with x-request-id", lambda trial: trial.measured.get("with_id", 0), 1, 1),
            counted("websocket_active_connections", 0, 0),
            counted("websocket_connection_duration_seconds_count", 1, 1, http_route="/echo", error_type=""),
            logged(CLOSED, http_route="/echo", trace_id=TRACE),
            no_error_lines(),
        ],
    ),
    Row(
        name="stream at the drain",
        item=10,
        sent="SIGTERM while a stream waits for the drain",
        send=drain,
        expect=[
            saw_only("begun", "ended", "complete"),
            saw("complete"),
            logged("http.request_finished", http_route="/until-drain", error_type=""),
            no_error_lines(),
            holds("the process gone", lambda _: "it still runs", lambda trial: trial.service.ended),
        ],
    ),
]
