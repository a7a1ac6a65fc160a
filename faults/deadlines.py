"""Rows: clients that are too slow. The limits are set to a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .expectations import counted, logged, no_error_lines, refused, saw_only, took
from .row import Row
from .trial import Trial
from .wire import Wire, head

SECONDS = 1.0
LATEST_SECONDS = 4.0
DRIP_SECONDS = 0.2
LIMIT_SECONDS = 8.0
SETTINGS = {f"{name}_SECONDS": str(SECONDS) for name in ("HEAD", "BODY", "WRITE", "KEEP_ALIVE")}
BODY_BYTES = 12
HALF_HEAD = b"GET /faults/none HTTP/1.1\r\nho"
BODY = head("/api/v1/links", "POST", content_type="application/json", content_length="1000")

Client = Callable[[Trial, Wire], Awaitable[object]]


def clients(client: Client) -> Callable[[Trial], Awaitable[None]]:
    """`size` of them at once; measures how long the connections lasted."""

    async def last(trial: Trial) -> None:
        began = time.monotonic()
        wire = await Wire.open(trial.service.port)
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                await client(trial, wire)
        except TimeoutError:
            trial.saw("open")
        finally:
            wire.close()
        seconds = time.monotonic() - began
        trial.measured["slowest"] = max(trial.measured.get("slowest", 0), seconds)
        trial.measured["quickest"] = min(trial.measured.get("quickest", seconds), seconds)

    async def send(trial: Trial) -> None:
        await asyncio.gather(*(last(trial) for _ in range(trial.size)))

    return send


async def read_to_end(trial: Trial, wire: Wire) -> None:
    """Note the status of the response, or how the connection ended without one."""
    try:
        trial.saw((await wire.receive()).status)
        await wire.reader.read()
    except EOFError:
        trial.saw("closed")
    except OSError:
        trial.saw("reset")


def stop_after(begin: bytes) -> Client:
    """Say so much and no more."""

    async def client(trial: Trial, wire: Wire) -> None:
        await wire.send(begin)
        await read_to_end(trial, wire)

    return client


def drip(begin: bytes, count: int) -> Client:
    """Say so much, then a byte again and again, so many times at the most."""

    async def client(trial: Trial, wire: Wire) -> None:
        reading = asyncio.create_task(read_to_end(trial, wire))
        with suppress(OSError):
            await wire.send(begin)
            for _ in range(count):
                if (await asyncio.wait([reading], timeout=DRIP_SECONDS))[0]:
                    break
                await wire.send(b"a")
        await reading

    return client


async def leave_unread(trial: Trial, wire: Wire) -> None:
    """Ask for a large response and do not read it."""
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined] # a socket's transport can
    await wire.send(head("/large?mib=32"))

    async def is_cut() -> bool:
        return (await trial.scrape()).sum("http_server_active_requests") == 0

    await trial.until_active(trial.size)
    await trial.until(is_cut)
    trial.saw("cut")


async def keep(trial: Trial, wire: Wire) -> None:
    """Ask once, and keep the connection."""
    await wire.send(head("/faults/none"))
    await wire.receive()
    await wire.reader.read()
    trial.saw("closed")


ON_TIME = took("slowest", LATEST_SECONDS, SECONDS * 0.9)
NOT_EARLY = took("quickest", LATEST_SECONDS, SECONDS * 0.9)


def _refused(name: str, sent: str, client: Client, reason: str, status: str) -> Row:
    return Row(
        name=name,
        item=2,
        sent=f"{{size}} clients: {sent}",
        send=clients(client),
        expect=[*refused(reason), saw_only(status), ON_TIME, NOT_EARLY],
        short=20,
        long=200,
        settings=SETTINGS,
    )


ROWS = [
    _refused("nothing sent", "connect and say nothing", stop_after(b""), "head_timeout", "closed"),
    _refused("half a head", "half a head, then nothing", stop_after(HALF_HEAD), "head_timeout", "408"),
    _refused("dripping head", "a byte of a head each 0.2 s", drip(HALF_HEAD, 100), "head_timeout", "408"),
    _refused("half a body", "a head and half a body, then nothing", stop_after(BODY + b"{"), "body_timeout", "408"),
    Row(
        name="unread response",
        item=2,
        sent="{size} clients: ask for 32 MiB and read nothing",
        send=clients(leave_unread),
        expect=[*refused("write_timeout"), saw_only("cut")],
        short=5,
        settings=SETTINGS,
    ),
    Row(
        name="idle connection",
        item=2,
        sent="{size} clients: one request, then nothing",
        send=clients(keep),
        expect=[
            saw_only("closed"),
            ON_TIME,
            NOT_EARLY,
            counted("http_server_refusals_total", 0, 0),
            logged("http.connection_refused", 0, 0),
            no_error_lines(),
        ],
        short=20,
        settings=SETTINGS,
    ),
    Row(
        name="dripping body",
        item=2,
        sent="{size} clients: a byte of a body each 0.2 s, which is progress",
        send=clients(
            drip(
                head("/api/v1/links", "POST", content_length=str(BODY_BYTES), content_type="application/json"),
                BODY_BYTES,
            )
        ),
        expect=[saw_only("400"), took("slowest", LATEST_SECONDS, 2), counted("http_server_refusals_total", 0, 0)],
        short=20,
        settings=SETTINGS,
    ),
]
