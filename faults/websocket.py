"""A websocket client, as far as the rows need one (RFC 6455): text up to 125 bytes."""

import asyncio
import os

from .trial import Trial
from .wire import Reply, Wire, head

FIN_TEXT, FIN_CLOSE = 0x81, 0x88
MASKED = 0x80
NORMAL = (1000).to_bytes(2, "big")
KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
LIMIT_SECONDS = 5.0


async def connect(trial: Trial, target: str, **fields: str) -> tuple[Reply, Wire]:
    """Shake hands. Returns the head of the answer and the connection, which the caller closes."""
    offer = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13", "sec_websocket_key": KEY}
    wire = await Wire.open(trial.service.port)
    try:
        await wire.send(head(target, **offer, **fields))
        return await wire.head(), wire
    except BaseException:
        wire.close()
        raise


async def say(wire: Wire, text: str) -> str:
    """Send a text and return what comes back. Raises `EOFError`."""
    await wire.send(_frame(FIN_TEXT, text.encode()))
    async with asyncio.timeout(LIMIT_SECONDS):
        _, length = await wire.reader.readexactly(2)
        return (await wire.reader.readexactly(length)).decode()


async def leave(wire: Wire) -> None:
    """Close in the proper way."""
    await wire.send(_frame(FIN_CLOSE, NORMAL))
    async with asyncio.timeout(LIMIT_SECONDS):
        await wire.reader.read()
    wire.close()


def _frame(kind: int, payload: bytes) -> bytes:
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([kind, MASKED | len(payload)]) + mask + masked
