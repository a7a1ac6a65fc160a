"""Rows: unhandled errors. Each is one log line with the traceback, one count and one report."""

from collections.abc import Awaitable, Callable, Sequence

from .expectations import counted, holds, number, saw
from .row import Expectation, Row
from .trial import Trial
from .websocket import connect
from .wire import Wire, head

SENTRY = {"SENTRY_DSN": "http://key@127.0.0.1:{port}/1"}
IDS = ("request_id", "trace_id", "span_id")


def get(target: str) -> Callable[[Trial], Awaitable[object]]:
    """One request."""
    return lambda trial: trial.get(target)


def open_websocket(target: str) -> Callable[[Trial], Awaitable[object]]:
    """One handshake, and what follows."""

    async def send(trial: Trial) -> None:
        reply, wire = await connect(trial, target)
        trial.saw(reply.status)
        await wire.reader.read()
        wire.close()

    return send


async def leave(trial: Trial) -> None:
    """A request whose handler raises after its client has left."""
    wire = await Wire.open(trial.service.port)
    await wire.send(head("/late"))
    await trial.until_active(1)
    wire.close()
    trial.saw("left")
    await trial.until_active(0)


async def nothing(trial: Trial) -> None:
    """The service fails without us, from its second background run on."""
    trial.saw("nothing")


def _with_traceback(trial: Trial) -> list[dict[str, object]]:
    return [line for line in trial.lines if line.get("level") == "error" and line.get("exception")]


def _carries_ids(trial: Trial) -> bool:
    return all(line.get(name) for line in _with_traceback(trial) for name in IDS)


def once(source: str, *, ids: bool = True) -> Sequence[Expectation]:
    """One line with a traceback, one count, one report."""
    expectations = [
        number("lines with a traceback", lambda trial: len(_with_traceback(trial)), 1, 1),
        counted("unhandled_errors_total", 1, 1, source=source),
        counted("unhandled_errors_total", 1, 1),
        number("reports", lambda trial: trial.outside.reports, 1, 1),
    ]
    with_ids = holds("the ids in that line", _with_traceback, _carries_ids)
    return [*expectations, with_ids] if ids else expectations


def _row(name: str, send: Callable[[Trial], Awaitable[object]], client: str, expect: Sequence[Expectation]) -> Row:
    return Row(
        name=f"error {name}", item=9, sent=f"an error {name}", send=send, expect=[saw(client), *expect], settings=SENTRY
    )


ROWS = [
    _row("in a handler", get("/raise/exception"), "500", once("request")),
    _row("without text", get("/raise/unprintable"), "500", once("request")),
    _row("4,000 calls deep", get("/raise/deep"), "500", once("request")),
    _row("that ends a process", get("/raise/exit"), "500", once("request")),
    _row("of a task that was cancelled", get("/raise/cancelled"), "500", once("request")),
    _row("after the client has left", leave, "left", once("request")),
    _row("before a websocket is accepted", open_websocket("/refuse"), "500", once("websocket")),
    _row("after a websocket is accepted", open_websocket("/break-off"), "101", once("websocket")),
    _row("in a thread", get("/beside/thread"), "200", once("thread", ids=False)),
    _row("in a task", get("/beside/task"), "200", once("task", ids=False)),
    _row("in a finalizer", get("/beside/finalizer"), "200", once("finalizer", ids=False)),
    _row("after the response", get("/beside/after"), "200", once("request")),
    Row(
        name="error the team logs",
        item=14,
        sent="an exception that the team handles and logs with `log.exception`",
        send=get("/caught"),
        expect=[
            saw("200"),
            number("lines with a traceback", lambda trial: len(_with_traceback(trial)), 1, 1),
            counted("unhandled_errors_total", 0, 0),
            number("reports", lambda trial: trial.outside.reports, 1, 1),
        ],
        settings=SENTRY,
    ),
    Row(
        name="background work fails",
        item=10,
        sent="nothing; background work that fails from its second run on",
        send=nothing,
        expect=[
            counted("background_runs_total", 1, task="work", outcome="failed"),
            counted("unhandled_errors_total", 1, source="background"),
            holds(
                "the time of its last success",
                lambda trial: trial.after.sum("background_last_success_timestamp_seconds", task="work"),
                lambda trial: trial.after.sum("background_last_success_timestamp_seconds", task="work") > 0,
            ),
            number("reports", lambda trial: trial.outside.reports),
        ],
        settings={**SENTRY, "FAULTY_BACKGROUND": "1"},
    ),
]
