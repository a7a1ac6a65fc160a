"""An open loop of requests, in a process of its own: they leave on a schedule, whatever the answers do.

`python -m faults.open_loop PORT TARGET RATE SECONDS new|kept` prints one JSON list of [due, seconds, status]: when a
request was due, how long its client waited from the connect (on a kept connection: from the sending) to the last byte,
and 0 as its status where no answer came.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from .wire import LOOPBACK, head

PATIENCE_SECONDS = 15.0
SPIN_SECONDS = 0.001
LENGTH = b"content-length:"


class Order(NamedTuple):
    """What to send."""

    port: int
    target: str
    rate: float
    seconds: float
    kept: bool


class Call(asyncio.Protocol):
    """One connection with at most one request on its way."""

    def __init__(self, request: bytes, ended: Callable[["Call", int], None]) -> None:
        """`ended` is called with the status of each answer, and with 0 when none comes."""
        self._request = request
        self._ended = ended
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.began: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def again(self) -> None:
        """Send another one."""
        assert self._transport is not None
        self.began = time.perf_counter()
        self._buffer = b""
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """End when the answer is whole."""
        self._buffer += data
        answer, complete, body = self._buffer.partition(b"\r\n\r\n")
        lengths = [line for line in answer.lower().split(b"\r\n") if line.startswith(LENGTH)]
        if complete and lengths and len(body) >= int(lengths[0].removeprefix(LENGTH)):
            self._ended(self, int(answer.split(b" ", 2)[1]))

    def connection_lost(self, _: Exception | None) -> None:
        """A request on its way has no answer."""
        self._transport = None
        if self.began is not None:
            self._ended(self, 0)

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.close()


@dataclass
class OpenLoop:
    """The requests of one order."""

    order: Order
    answers: list[tuple[float, float, int]] = field(default_factory=list)
    idle: list[Call] = field(default_factory=list)
    connecting: set["asyncio.Task[None]"] = field(default_factory=set)
    began: float = 0.0

    async def run(self) -> None:
        """Send all on schedule, then wait for the last answers."""
        self.began = time.perf_counter()
        count = round(self.order.rate * self.order.seconds)
        for number in range(count):
            await _until(self.began + number / self.order.rate)
            self._send()
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while len(self.answers) < count and time.perf_counter() < deadline:
            await _until(time.perf_counter() + 0.02)

    def _send(self) -> None:
        while self.idle:
            call = self.idle.pop()
            if call.is_open:
                call.again()
                return
        task = asyncio.ensure_future(self._connect(time.perf_counter()))
        self.connecting.add(task)
        task.add_done_callback(self.connecting.discard)

    async def _connect(self, began: float) -> None:
        fields = {} if self.order.kept else {"connection": "close"}
        call = Call(head(self.order.target, **fields), self._ended)
        call.began = began
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.get_running_loop().create_connection(lambda: call, LOOPBACK, self.order.port)
        except OSError:
            self._ended(call, 0)

    def _ended(self, call: Call, status: int) -> None:
        if call.began is None:
            return
        began, call.began = call.began, None
        self.answers.append((began - self.began, time.perf_counter() - began, status))
        if self.order.kept and status:
            self.idle.append(call)
        else:
            call.close()


async def _until(instant: float) -> None:
    """Let the loop run at least once, and sleep until shortly before the instant."""
    await asyncio.sleep(max(0.0, instant - time.perf_counter() - SPIN_SECONDS))
    while time.perf_counter() < instant:  # noqa: ASYNC110 - the last millisecond, which a timer would miss
        await asyncio.sleep(0)


def main() -> None:
    """Carry out the order of the command line."""
    port, target, rate, seconds, connections = sys.argv[1:]
    loop = OpenLoop(Order(int(port), target, float(rate), float(seconds), connections == "kept"))
    asyncio.run(loop.run())
    sys.stdout.write(json.dumps(loop.answers))


if __name__ == "__main__":
    main()
