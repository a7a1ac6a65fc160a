"""What a response on the wire consists of, and which messages of an application are refused."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from firstlight.security.headers import LINES, fields
from firstlight.server.known_fields import LONGEST_LINE, MOST_NAMES, KnownFields

from .wires import Wired

Pair = tuple[bytes, bytes]
REQUEST = "%s / HTTP/1.%s\r\nHost: a\r\n%s\r\n"
LENGTH = (b"content-length", b"5")
BYTES_LIKE: Any = bytearray(b"text/plain")  # more than ASGI allows


def start(*headers: Pair, status: int = 200) -> Message:
    """The start of a response."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: bytes = b"", *, more: bool = False) -> Message:
    """A part of a body."""
    return {"type": "http.response.body", "body": data, "more_body": more}


def talked(
    messages: Sequence[Message], method: str = "GET", version: str = "1", more: str = ""
) -> tuple[bytes, str, bool]:
    """What is written for these messages, the error that the application got, and whether the connection closed."""
    errors: list[str] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            try:
                await send(message)
            except RuntimeError as error:
                errors.append(str(error))
                raise

    async def talk() -> tuple[bytes, str, bool]:
        wired = Wired(app)
        try:
            written = await wired.send((REQUEST % (method, version, more)).encode())
            return written, "".join(errors), wired.transport.closed
        finally:
            wired.close()

    return asyncio.run(talk())


@pytest.mark.parametrize(
    ("messages", "method", "expected"),
    [
        ([start(LENGTH), body(b"Hello")], "GET", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHello"),
        (
            [start((b"Content-Length", b"5")), body(b"Hello")],
            "GET",
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHello",
        ),
        (
            [start(LENGTH), body(b"Hel", more=True), body(b"lo")],
            "GET",
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHello",
        ),
        ([start(LENGTH), body(b"Hello")], "HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ([start(), body(b"Hello")], "HEAD", b"HTTP/1.1 200 OK\r\n\r\n"),
        ([start(status=204), body()], "GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ([start(status=304), body()], "GET", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        ([start(LENGTH, status=304), body()], "GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
        (
            [start(), body(b"Hello", more=True), body(more=True), body(b"!")],
            "GET",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nHello\r\n1\r\n!\r\n0\r\n\r\n",
        ),
        (
            [start((b"transfer-encoding", b"Chunked")), body(b"Hello")],
            "GET",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n",
        ),
        (
            [start(LENGTH, (b"Content-Type", BYTES_LIKE)), body(b"Hello")],
            "GET",
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\nHello",
        ),
        (
            [start(LENGTH, (b"a", b"1"), (b"a", b"2")), body(b"Hello")],
            "GET",
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\na: 1\r\na: 2\r\n\r\nHello",
        ),
    ],
)
def test_the_bytes_of_a_response(messages: Sequence[Message], method: str, expected: bytes) -> None:
    """By RFC 9112: one way to find the end of the body, and no body where there is none."""
    written, error, closed = talked(messages, method)

    assert (written, error, closed) == (expected, "", False)


@pytest.mark.parametrize(
    ("version", "more", "headers"),
    [
        ("0", "", ()),
        ("1", "Connection: close\r\n", ()),
        ("1", "", ((b"connection", b"close"),)),
        ("1", "", ((b"Connection", b"x, Close"),)),
    ],
)
def test_a_connection_that_closes_says_so_once(version: str, more: str, headers: Sequence[Pair]) -> None:
    """The client or the application may ask for it."""
    written, _, closed = talked([start(LENGTH, *headers), body(b"Hello")], "GET", version, more)

    assert closed
    assert written.lower().count(b"\r\nconnection: ") == 1
    assert written.endswith(b"\r\n\r\nHello")


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([body(b"Hello")], "The application sends http.response.body, where http.response.start is due."),
        ([start(LENGTH), start(LENGTH)], "The application sends http.response.start, where http.response.body is due."),
        ([start(LENGTH), body(b"Hello!")], "The body is longer than the Content-Length of the response."),
        ([start(LENGTH), body(b"Hell")], "The body is shorter than the Content-Length of the response."),
        (
            [start(LENGTH), body(b"Hello"), body(b"!")],
            "The response is complete, and the application sends http.response.body.",
        ),
        ([start((b"a b", b"c"))], " is no name of a header: letters, digits and hyphens are."),
        ([start((b"", b"c"))], " is no name of a header: letters, digits and hyphens are."),
        ([start((b"a\r\nb", b"c"))], " is no name of a header: letters, digits and hyphens are."),
        ([start((b"\xe9", b"c"))], " is no name of a header: letters, digits and hyphens are."),
        ([start((b"a", b"b\r\nset-cookie: c"))], "The header a has a control character in its value."),
        ([start((b"a", b"b\x00"))], "The header a has a control character in its value."),
    ],
)
def test_a_message_that_would_break_the_connection_is_refused(messages: Sequence[Message], error: str) -> None:
    """Nothing of a refused head is written, and a body that is too short ends the connection."""
    written, said, _ = talked(messages)

    assert said.endswith(error)
    assert b"set-cookie" not in written
    assert written.count(b"Hello") <= 1


def test_a_field_that_the_application_sets_replaces_that_of_the_service() -> None:
    """And the request id is always that of the service."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        scope[LINES] = (b"x-request-id", b"1"), fields({"a": "b", "c": "d"}), b"e: f\r\n"
        await send(start(LENGTH, (b"A", b"own"), (b"X-Request-ID", b"own")))
        await send(body(b"Hello"))

    async def talk() -> bytes:
        wired = Wired(app)
        try:
            return await wired.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        finally:
            wired.close()

    head, _, _ = asyncio.run(talk()).partition(b"\r\n\r\n")
    assert sorted(head.split(b"\r\n")[1:]) == [b"a: own", b"c: d", b"content-length: 5", b"e: f", b"x-request-id: 1"]


def test_names_that_an_application_makes_up_do_not_fill_the_memory() -> None:
    """They are examined each time."""
    known = KnownFields()
    names = [known.examined(b"X-%d" % number) for number in range(2 * MOST_NAMES)]

    assert names[-1] == b"x-%d" % (2 * MOST_NAMES - 1)
    assert len(known.names) == MOST_NAMES


def test_a_line_is_examined_before_it_is_remembered() -> None:
    """A bad value is refused each time, and values that an application makes up do not fill the memory."""
    known = KnownFields()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="The header content-type has a control character in its value"):
            known.line(b"content-type", b"a\r\nset-cookie: b")
    lines = [known.line(b"content-type", b"%d" % number) for number in range(2 * MOST_NAMES)]
    assert known.line(b"content-type", b"a" * LONGEST_LINE) not in known.lines.values()

    assert lines[-1] == b"content-type: %d\r\n" % (2 * MOST_NAMES - 1)
    assert known.lines[b"content-type", b"0"] == lines[0]
    assert len(known.lines) == MOST_NAMES


def test_a_beginning_follows_the_date() -> None:
    """The list of fields is replaced every second."""
    known = KnownFields()
    first = known.beginning(200, [(b"date", b"1")])

    assert first == b"HTTP/1.1 200 OK\r\ndate: 1\r\n"
    assert known.beginning(404, [(b"date", b"2")]) == b"HTTP/1.1 404 Not Found\r\ndate: 2\r\n"
    assert known.beginning(200, [(b"date", b"2")]) == b"HTTP/1.1 200 OK\r\ndate: 2\r\n"
