"""A response leaves in one write, unless its body comes later or is large."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firstlight.security.headers import LINES, fields
from firstlight.server.writing import JOINED_BYTES

from .wires import Wired

GET = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"


def start(*fields: tuple[bytes, bytes], status: int = 200) -> Message:
    """The start of a response."""
    return {"type": "http.response.start", "status": status, "headers": list(fields)}


def body(data: bytes, *, more: bool = False) -> Message:
    """A part of a body."""
    return {"type": "http.response.body", "body": data, "more_body": more}


def writes(app: ASGIApp, sent: bytes = GET) -> list[bytes]:
    """The writes of a connection on which `sent` arrives."""

    async def talk() -> list[bytes]:
        wired = Wired(app)
        try:
            await wired.send(sent)
        finally:
            wired.close()
        return wired.transport.writes

    return asyncio.run(talk())


def answering(*messages: Message | Callable[[], Coroutine[None, None, None]]) -> ASGIApp:
    """An application that sends these messages, and waits where there is a function."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            if callable(message):
                await message()
            else:
                await send(message)

    return app


async def turns() -> None:
    """Let the loop go on."""
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "messages",
    [
        (start((b"content-length", b"5")), body(b"Hello")),
        (start(), body(b"Hello")),  # in chunks
        (start((b"content-length", b"5"), (b"connection", b"close")), body(b"Hello")),
        (start(status=204), body(b"")),
    ],
)
def test_a_response_is_one_write(messages: tuple[Message, ...]) -> None:
    """Two writes are two system calls, and two packets."""
    (response,) = writes(answering(*messages))
    assert response.startswith(b"HTTP/1.1 20")


def test_a_stream_sends_its_head_before_it_waits() -> None:
    """The client learns that the stream is open."""
    head, first, *rest = writes(answering(start(), turns, body(b"one", more=True), turns, body(b"two", more=True)))
    assert head.endswith(b"\r\n\r\n")
    assert first == b"3\r\none\r\n"
    assert rest == [b"3\r\ntwo\r\n"]


def test_streams_of_two_connections_send_their_heads() -> None:
    """One callback of the loop serves all that began in the same iteration."""

    async def talk() -> list[list[bytes]]:
        app = answering(start(), turns, turns, body(b"one", more=True))
        wired = Wired(app)
        other, protocol = wired.connect()
        for each in (wired.protocol, protocol):
            each.data_received(GET)
        await turns()
        heads = [list(each.writes) for each in (wired.transport, other)]
        wired.close()
        protocol.connection_lost(None)
        return heads

    for (head,) in asyncio.run(talk()):
        assert head.endswith(b"\r\n\r\n")


def test_a_large_body_is_not_copied() -> None:
    """It leaves after its head, in a write of its own."""
    size = JOINED_BYTES + 1
    head, large = writes(answering(start((b"content-length", b"%d" % size)), body(b"x" * size)))
    assert head.endswith(b"\r\n\r\n")
    assert len(large) == size


def test_pipelined_responses_are_in_order() -> None:
    """Each has its head and its body, in one write."""
    responses = writes(answering(start((b"content-length", b"5")), body(b"Hello")), GET * 3)
    assert [response.count(b"HTTP/1.1 200") for response in responses] == [1, 1, 1]
    assert all(response.endswith(b"\r\n\r\nHello") for response in responses)


def test_the_head_of_a_response_without_a_body_is_not_overtaken() -> None:
    """The next response on the connection follows it."""
    first, second = writes(answering(start(status=204), body(b"")), GET * 2)
    assert first.startswith(b"HTTP/1.1 204")
    assert second.startswith(b"HTTP/1.1 204")


def test_nothing_is_written_to_a_connection_that_has_ended() -> None:
    """Its transport would refuse it."""

    async def talk() -> list[bytes]:
        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send(start())
            wired.close()

        wired = Wired(app)
        wired.protocol.data_received(GET)
        await turns()
        return wired.transport.writes

    assert asyncio.run(talk()) == []


def test_a_failure_after_the_start_leaves_the_head() -> None:
    """The client sees a response that ends early, not a connection that never answered."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(start((b"content-length", b"5")))
        msg = "broken"
        raise RuntimeError(msg)

    (head,) = writes(app)
    assert head.startswith(b"HTTP/1.1 200")


def test_a_client_that_asks_first_is_told_to_continue() -> None:
    """`100 Continue` leaves before the body arrives, and the response in one write."""

    async def talk() -> list[bytes]:
        wired = Wired()
        try:
            asked = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
            assert await wired.send(asked) == b"HTTP/1.1 100 Continue\r\n\r\n"
            await wired.send(b"Hello")
            return wired.transport.writes
        finally:
            wired.close()

    _, response = asyncio.run(talk())
    assert response.startswith(b"HTTP/1.1 200")
    assert b"Hello" in response


@pytest.mark.parametrize("expects", [b"", b"Expect: 100-continue\r\n"])
def test_the_head_gets_the_fields_that_are_left_in_the_scope(expects: bytes) -> None:
    """At its end, also after `100 Continue`, which gets none."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        scope[LINES] = (b"x-request-id", b"1"), fields({"a": "b"}), b"c: d\r\n"
        await send(start((b"content-length", b"5")))
        await send(body(b"Hello"))

    *interim, response = writes(app, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n" + expects + b"\r\n1")
    assert interim == ([b"HTTP/1.1 100 Continue\r\n\r\n"] if expects else [])
    assert response == b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-request-id: 1\r\na: b\r\nc: d\r\n\r\nHello"
