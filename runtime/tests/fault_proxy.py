"""A TCP proxy that behaves as a broken network or a broken server does, when a test says so."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self

from firstlight.testing.process import TIMEOUT_SECONDS

from .ports import free_port

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST
CHUNK_BYTES = 65_536


class FaultProxy:
    """Forwards connections to a port of 127.0.0.1, in a thread of its own.

    Every method returns when its effect is there. `restore` ends every fault.
    """

    def __init__(self, target_port: int) -> None:
        """Nothing listens before the `with` block."""
        self.port = free_port()  # none that a client could get while this proxy refuses
        self.connections = 0
        """How many connections it has accepted."""
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._flows = asyncio.Event()
        self._delays = (0.0, 0.0)
        self._server: asyncio.Server | None = None
        self._flapping: asyncio.Task[None] | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}

    def restore(self) -> None:
        """Forward everything. Connections that hung go on, those that were reset stay so."""
        self._run(self._restore())

    def refuse(self) -> None:
        """Refuse new connections and reset the current ones, as the machine of an ended server does."""
        self._run(self._refuse())

    def hang(self) -> None:
        """Accept connections and forward nothing, in those that exist as well: a network that loses every packet."""
        self._loop.call_soon_threadsafe(self._flows.clear)
        self._run(asyncio.sleep(0))

    def slow(self, *, to_server: float = 0.0, to_client: float = 0.0) -> None:
        """Delay each piece of up to 64 KiB by so many seconds, for each direction."""
        self._delays = (to_server, to_client)

    def reset(self) -> None:
        """Reset the current connections. New ones are forwarded."""
        self._run(self._reset())

    def flap(self, *, up: float, down: float) -> None:
        """Refuse for `down` seconds, forward for `up` seconds, and so on until `restore`."""
        self._run(self._start_flapping(up, down))

    @property
    def current(self) -> int:
        """How many connections clients hold now."""
        return len(self._open)

    def __enter__(self) -> Self:
        """Listen, and forward everything."""
        self._thread.start()
        self.restore()
        return self

    def __exit__(self, *_: object) -> None:
        """Reset every connection and end the thread."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_SECONDS)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(TIMEOUT_SECONDS)

    async def _restore(self) -> None:
        await self._stop_flapping()
        self._delays = (0.0, 0.0)
        self._flows.set()
        await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _refuse(self) -> None:
        await self._stop_flapping()
        await self._go_down()

    async def _go_down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _reset(self) -> None:
        tasks = [task for task in self._open.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_flapping(self, up: float, down: float) -> None:
        await self._refuse()
        self._flapping = asyncio.create_task(self._flap(up, down))

    async def _flap(self, up: float, down: float) -> None:
        while True:
            await asyncio.sleep(down)
            await self._listen()
            await asyncio.sleep(up)
            await self._go_down()

    async def _stop_flapping(self) -> None:
        if self._flapping is not None:
            self._flapping.cancel()
            await asyncio.gather(self._flapping, return_exceptions=True)
            self._flapping = None

    async def _close(self) -> None:
        await self._refuse()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open[writer] = asyncio.current_task()
        try:
            with suppress(OSError):
                await self._flows.wait()
                await self._forward(reader, writer)
        except asyncio.CancelledError:
            pass  # `_reset`; the task ends in any case
        finally:
            del self._open[writer]
            await _end(writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, server_writer, 0))
                both.create_task(self._pump(server_reader, writer, 1))
        except* OSError:
            pass
        finally:
            await _end(server_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: int) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await asyncio.sleep(self._delays[direction])
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        await self._flows.wait()
        writer.write_eof()


async def _end(writer: asyncio.StreamWriter) -> None:
    """Close with RST: with FIN, if everything has been sent and the other side has closed first, it is the same."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()
