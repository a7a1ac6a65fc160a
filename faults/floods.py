"""Rows: streams of bytes without end, each of one kind. A client goes on sending whatever the service answers."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .expectations import GROWTH_MIB, MAX_BODY_MIB, UNHARMED, counted, grows_by, refused, saw, took
from .row import Row
from .trial import Trial
from .wire import Wire, head

MIB = 1 << 20
PIECE_BYTES = 1 << 16
HELD_SECONDS = 2.0
LATER_GROWTH = "MiB grown in the last two thirds"
NOISE_MIB = 2.0  # what the normal load takes meanwhile
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
OPEN = head("/faults/none", a="b").removesuffix(b"\r\n")
CHUNKED = head("/api/v1/links", "POST", transfer_encoding="chunked", content_type="application/json")
ENDLESS = {
    "header lines": (OPEN, b"a: b\r\n"),
    "header value": (OPEN + b"a: ", b"b"),
    "target": (b"GET /", b"a"),
    "chunk extension": (CHUNKED + b"1;", b"a"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n"),
    "chunks of one byte": (CHUNKED, b"1\r\nx\r\n"),
    "pipelined requests, then garbage": (head("/faults/none") * 200, b"\x16\x03\x01garbage"),
}
REASONS = {
    "chunk extension": "framing_too_large",
    "trailers": "framing_too_large",
    "pipelined requests, then garbage": "malformed",
}
STATUSES = {"malformed": 400, "framing_too_large": 400, "head_too_large": 431}


def pour(begin: bytes, piece: bytes) -> Callable[[Trial], Awaitable[None]]:
    """Send `begin`, then `piece` for ever, on one connection after the other until `size` MiB are sent."""
    block = piece * (PIECE_BYTES // len(piece))

    async def send(trial: Trial) -> None:
        third = trial.size * MIB // 3
        for part in (third, 2 * third):
            left, before = part, trial.service.resident_mib()
            while left > 0:
                left -= await _connection(trial, begin, block, left)
            trial.measured[LATER_GROWTH] = trial.service.resident_mib() - before

    return send


async def _connection(trial: Trial, begin: bytes, block: bytes, limit: int) -> int:
    """Send until the connection ends. Returns how many bytes were sent."""
    wire = await Wire.open(trial.service.port)
    reading = asyncio.create_task(_read(trial, wire))
    sent = 0
    try:
        with suppress(OSError, TimeoutError):
            await wire.send(begin)
            while sent < limit:
                async with asyncio.timeout(HELD_SECONDS):
                    await wire.send(block)
                sent += len(block)
        with suppress(TimeoutError):
            async with asyncio.timeout(HELD_SECONDS):
                await reading
    finally:
        wire.close()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return sent + len(begin)


async def _read(trial: Trial, wire: Wire) -> None:
    with suppress(OSError):
        while data := await wire.reader.read(PIECE_BYTES):
            for status in STATUS.findall(data):
                trial.saw(status.decode())


def _row(name: str, begin: bytes, piece: bytes) -> Row:
    reason = REASONS.get(name, "head_too_large")
    answered = [*refused(reason), saw(str(STATUSES[reason]))] if name != "chunks of one byte" else [saw("413")]
    return Row(
        name=f"endless {name}",
        item=1,
        sent=f"{{size}} MiB: {name} without end",
        send=pour(begin, piece),
        expect=[
            *answered,
            grows_by(),
            took(LATER_GROWTH, NOISE_MIB, -GROWTH_MIB),
            counted("unhandled_errors_total", 0, 0),
            *UNHARMED,
        ],
        short=16,
        long=300,
        under_load=True,
        settings={"MAX_BODY_BYTES": str(MAX_BODY_MIB * MIB)},
    )


ROWS = [_row(name, *stream) for name, stream in ENDLESS.items()]
