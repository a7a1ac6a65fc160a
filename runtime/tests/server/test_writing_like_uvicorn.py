"""Our cycle writes what uvicorn's own writes, for any messages of an application."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from .wires import STEPS, FakeTransport, Wired

Said = list[int]
BODIES = st.binary(max_size=8)
FIELDS = st.sampled_from(
    [
        (b"content-length", b"5"),
        (b"Content-Length", b"0"),
        (b"transfer-encoding", b"chunked"),
        (b"transfer-encoding", b"gzip"),
        (b"connection", b"close"),
        (b"Connection", b"keep-alive, Close"),
        (b"connection", b"keep-alive"),
        (b"Vary", b"a, b"),
        (b"set-cookie", b"a=b"),
        (b"set-cookie", b"c=d"),
        (b"x", b""),
        (b"x", b"\xe9"),
        (b"x", b"a\r\nb"),
        (b"a b", b"c"),
    ]
)
STARTS = st.builds(
    lambda status, headers: {"type": "http.response.start", "status": status, "headers": headers},
    st.sampled_from([200, 204, 206, 304, 404, 500, 599]),
    st.lists(FIELDS, max_size=4),
)
PARTS = st.builds(
    lambda body, more: {"type": "http.response.body", "body": body, "more_body": more}, BODIES, st.booleans()
)
MESSAGES = st.one_of(
    st.tuples(STARTS, PARTS),
    st.builds(lambda start, parts: (start, *parts), STARTS, st.lists(PARTS, max_size=4)),
    st.lists(st.one_of(STARTS, PARTS), max_size=4),
)


def application(messages: Sequence[Message], said: Said) -> ASGIApp:
    """Sends these messages, and notes the number of one that was refused."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for number, message in enumerate(messages):
            try:
                await send(dict(message))
            except RuntimeError:
                said.append(number)
                raise

    return app


def theirs(messages: Sequence[Message], request: bytes) -> tuple[bytes, bool, Said]:
    """What uvicorn's protocol writes, whether it closed the connection, and which message it refused."""
    said: Said = []

    async def talk() -> tuple[bytes, bool, Said]:
        config = Config(application(messages, said), lifespan="off", log_config=None, access_log=False, ws="none")
        config.load()
        protocol = HttpToolsProtocol(config=config, server_state=ServerState(), app_state={})
        transport: Any = FakeTransport()
        protocol.connection_made(transport)
        protocol.data_received(request)
        for _ in range(STEPS):
            await asyncio.sleep(0)
        result = transport.written, transport.closed, said
        protocol.connection_lost(None)
        return result

    return asyncio.run(talk())


def ours(messages: Sequence[Message], request: bytes) -> tuple[bytes, bool, Said]:
    """The same of our protocol."""
    said: Said = []

    async def talk() -> tuple[bytes, bool, Said]:
        wired = Wired(application(messages, said))
        await wired.send(request)
        result = wired.transport.written, wired.transport.closed, said
        wired.close()
        return result

    return asyncio.run(talk())


@given(MESSAGES, st.sampled_from(["GET", "HEAD"]), st.sampled_from([b"1.0", b"1.1"]))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_bytes_are_those_of_uvicorn(messages: Sequence[Message], method: str, version: bytes) -> None:
    """It refuses the same message, and the connection ends or stays. One that was refused as a whole is a 500."""
    request = b"%b / HTTP/%b\r\nHost: a\r\n\r\n" % (method.encode(), version)

    written, closed, refused = ours(messages, request)
    expected, *others = theirs(messages, request)
    assert [closed, refused] == others
    # The head, or with its head a body of another length. uvicorn has sent the head, or takes it for sent, and closes.
    if refused == [0] or (refused == [1] and messages[1]["type"] == "http.response.body"):
        assert written.startswith(b"HTTP/1.1 500 ")
    else:
        assert written == expected
