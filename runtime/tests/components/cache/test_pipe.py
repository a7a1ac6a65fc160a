"""Calls share a connection: each gets its own reply, and what fails with the connection says so at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from firstlight.components.cache import CacheSettings
from firstlight.components.cache.piped import Piped
from firstlight.components.cache.replies import IncompleteError, command, parse
from firstlight.components.cache.server import RedisServer
from firstlight.testing.redis import RedisProcess

pytestmark = pytest.mark.anyio
Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECONDS = 0.2


@asynccontextmanager
async def _served(handle: Handle) -> AsyncIterator[Piped]:
    """Calls of a server that greets redis-py, and then does what a test says."""
    connections: list[asyncio.Event] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = asyncio.Event()
        connections.append(ended)
        try:
            await reader.readuntil(b"SETNAME\r\n")  # CLIENT SETNAME <name>
            await reader.readline()
            await reader.readline()
            writer.write(b"+OK\r\n")
            await handle(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            ended.set()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        settings = CacheSettings(redis_url=f"redis://127.0.0.1:{port}/0", redis_call_seconds=SECONDS)
        address = settings.address
        assert address is not None
        server = RedisServer(settings, address, "acme-links", "test")
        yield server.piped
        await server.close()
        await asyncio.gather(*(ended.wait() for ended in connections))


async def _request(reader: asyncio.StreamReader, word: str) -> None:
    await reader.readuntil(word.encode() + b"\r\n")


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        (b"$-1\r\n", None),
        (b"$0\r\n\r\n", b""),
        (b"$4\r\na\r\nb\r\n", b"a\r\nb"),
        (b":-7\r\n", -7),
        (b"+OK\r\n", b"OK"),
        (b"*-1\r\n", None),
        (b"*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n+y\r\n", [1, [b"x", None], b"y"]),
    ],
)
def test_a_reply_may_arrive_in_any_parts(text: bytes, reply: object) -> None:
    """It is complete with its last byte, and not before."""
    for end in range(len(text)):
        with pytest.raises(IncompleteError):
            parse(text[:end], 0)
    assert parse(b"..." + text + b":1\r\n", 3) == (reply, 3 + len(text))


def test_a_command_has_the_lengths_of_its_bytes() -> None:
    """Not of its characters."""
    assert command(("GET", "ä", 7, b"\0")) == b"*4\r\n$3\r\nGET\r\n$2\r\n\xc3\xa4\r\n$1\r\n7\r\n$1\r\n\0\r\n"


async def test_calls_at_once_use_one_connection(redis: RedisProcess) -> None:
    """Each gets its own reply, an error too, and large replies arrive in parts."""
    settings = CacheSettings(redis_url=redis.url())
    assert settings.address is not None
    server = RedisServer(settings, settings.address, "acme-links", "test")
    await server.piped.ask("SET", "large", "x" * 900_000)
    redis.command("LPUSH", "list", "1")
    echoes = [server.piped.ask("ECHO", f"{number}") for number in range(500)]
    others = [server.piped.ask("GET", "large"), server.piped.ask("GET", "list"), server.piped.ask("GET", "none")]
    answers = await asyncio.gather(*echoes, *others, return_exceptions=True)
    assert answers[:500] == [f"{number}".encode() for number in range(500)]
    assert answers[500] == b"x" * 900_000
    assert isinstance(answers[501], ResponseError)
    assert answers[502] is None
    assert redis.command("CLIENT", "LIST").count("name=acme-links") == 1
    await server.close()


async def test_a_call_that_is_given_up_takes_no_reply_of_another() -> None:
    """Neither does one whose words cannot be sent."""
    asked = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader, "second")
        asked.set()
        await _request(reader, "third")
        writer.write(b"$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n")
        await reader.read()

    async with _served(handle) as piped:
        first = asyncio.create_task(piped.ask("GET", "first"))
        second = asyncio.create_task(piped.ask("GET", "second"))
        await asked.wait()
        first.cancel()
        with pytest.raises(UnicodeEncodeError):
            await piped.ask("GET", "\ud800")
        assert await piped.ask("GET", "third") == b"3"
        assert await second == b"2"


async def test_a_server_that_is_silent_is_left() -> None:
    """With the first call whose time is over. The others on the connection fail, and the next call uses another one."""
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections > 1:
            await _request(reader, "next")
            writer.write(b"$2\r\nok\r\n")
        await reader.read()

    async with _served(handle) as piped:
        other = asyncio.create_task(piped.ask("GET", "other"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SECONDS):
                await piped.ask("GET", "hangs")
        with pytest.raises(RedisConnectionError, match="does not answer"):
            await other
        assert await piped.ask("GET", "next") == b"ok"


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$1\r\n1\r\n$1\r\n2\r\n"])
async def test_a_connection_that_ends_fails_its_calls(sent: bytes) -> None:
    """By the server's end, by what is no reply, and by a reply to nobody: nothing on it can be trusted any more."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader, "first")
        writer.write(sent)

    async with _served(handle) as piped:
        if sent.startswith(b"$"):
            assert await piped.ask("GET", "first") == b"1"
        else:
            with pytest.raises(RedisConnectionError):
                await piped.ask("GET", "first")
        assert piped._pipe is not None  # noqa: SLF001 - nothing shows it outside
        while piped._pipe.is_open:  # noqa: ASYNC110, SLF001 - the reply to nobody arrives
            await asyncio.sleep(0.001)


async def test_another_address_ends_the_connection_after_its_replies() -> None:
    """Calls in progress get theirs; the next call connects anew."""
    asked, connections = asyncio.Event(), 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await _request(reader, "first" if connections == 1 else "second")
        asked.set()
        await asyncio.sleep(0)
        writer.write(b"$1\r\n%d\r\n" % connections)
        await reader.read()

    async with _served(handle) as piped:
        first = asyncio.create_task(piped.ask("GET", "first"))
        await asked.wait()
        piped.renew()
        assert await piped.ask("GET", "second") == b"2"
        assert await first == b"1"


async def test_what_waits_for_a_server_that_does_not_read_is_limited() -> None:
    """A further call fails at once."""
    over = asyncio.Event()

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined] # it is a transport of both directions
        await over.wait()

    async with _served(handle) as piped:
        calls: list[asyncio.Task[object]] = []
        while not any(call.done() for call in calls):
            calls.append(asyncio.create_task(piped.ask("ECHO", "x" * 100_000)))
            await asyncio.sleep(0)
            assert len(calls) < 1000
        with pytest.raises(RedisConnectionError, match="too many"):
            await calls[-1]
        over.set()
        await asyncio.gather(*calls, return_exceptions=True)
