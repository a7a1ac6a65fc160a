"""Rows: more clients than the service can hold, under a limit of memory, of descriptors or of threads."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from .expectations import SURVIVES, counted, grows_by, logged, refused, saw
from .row import Expectation, Row
from .trial import Trial
from .wire import LOOPBACK, head

AT_ONCE = 200
HOLD_SECONDS = 2.0
READ_BYTES = 4096
GROWTH_MIB = 64  # 2,048 connections with their buffers
HALF_HEAD = b"GET /faults/none HTTP/1.1\r\nho"
SLOW_BODY = head("/api/v1/links", "POST", content_type="application/json", content_length="1000") + b"{"
SLOW_PROBE = b"GET /health/live HTTP/1.1\r\nho"

Also = Callable[[Trial], Awaitable[object]]


def crowd(begin: bytes, *, management: bool = False, also: Also | None = None) -> Callable[[Trial], Awaitable[None]]:
    """`size` clients connect, say `begin`, and keep their connections for a while; `also` happens meanwhile."""

    async def send(trial: Trial) -> None:
        port = trial.service.management_port if management else trial.service.port
        clients: list[socket.socket] = []
        try:
            for first in range(0, trial.size, AT_ONCE):
                count = min(AT_ONCE, trial.size - first)
                await asyncio.gather(*(_join(trial, clients, port, begin) for _ in range(count)))
            if also is not None:
                await also(trial)
            await asyncio.sleep(HOLD_SECONDS)  # this is the fault: the clients stay
            for client in clients:
                trial.saw(_sees(client))
        finally:
            for client in clients:
                client.close()

    return send


async def _join(trial: Trial, clients: list[socket.socket], port: int, begin: bytes) -> None:
    client = socket.socket()
    client.settimeout(0)
    clients.append(client)
    try:
        await asyncio.get_running_loop().sock_connect(client, (LOOPBACK, port))
        with suppress(BlockingIOError):
            client.send(begin)
    except OSError:
        trial.saw("refused")


def _sees(client: socket.socket) -> str:
    try:
        data = client.recv(READ_BYTES)
    except BlockingIOError:
        return "open"
    except OSError:
        return "reset"
    return data.split(b" ")[1].decode() if data else "closed"


async def use_a_thread(trial: Trial) -> None:
    """Ask a handler that runs in a thread, and one that starts a thread."""
    await trial.get("/faults/thread?seconds=0")
    await trial.get("/beside/thread")


def _row(name: str, sent: str, begin: bytes, sizes: tuple[int, int], expect: Sequence[Expectation]) -> Row:
    return Row(
        name=name,
        item=3,
        sent=f"{{size:,}} clients: {sent}",
        send=crowd(begin),
        expect=[*expect, *SURVIVES, grows_by(GROWTH_MIB)],
        short=sizes[0],
        long=sizes[1],
        under_load=True,
        needs_descriptors=sizes[1],
        settings={"BODY_SECONDS": "1"},
    )


LATE = [*refused("body_timeout"), saw("408")]
FULL = refused("too_many_connections")
ROWS = [
    _row("silent connections", "connect and say nothing", b"", (10_000, 10_000), FULL),
    _row("half heads", "half a head", HALF_HEAD, (3_000, 3_000), FULL),
    _row("slow bodies", "a head and the first byte of a body", SLOW_BODY, (1_000, 1_000), LATE),
    Row(
        name="few descriptors",
        item=3,
        sent="{size} clients with half a head; the process may open 64 descriptors",
        send=crowd(HALF_HEAD),
        expect=[*FULL, *SURVIVES, logged("http.connection_refused", 1, 3)],
        short=200,
        under_load=True,
        descriptors=64,
        needs_descriptors=200,
    ),
    Row(
        name="few threads",
        item=3,
        sent="{size} clients with half a head on the management port; pids.max=64",
        send=crowd(SLOW_PROBE, management=True, also=use_a_thread),
        expect=[
            *SURVIVES,
            counted("http_server_refusals_total", listener="management"),
            logged("http.connection_refused", 1, 3, listener="management"),
            saw("200", 2),
        ],
        short=200,
        under_load=True,
        pids=64,
        needs_descriptors=200,
    ),
]
