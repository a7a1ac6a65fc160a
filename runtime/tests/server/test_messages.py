"""What a client may send: every request is served whole, whatever surrounds it, and what is too much is refused."""

import asyncio
import json
import random
import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar

import httptools
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from firstlight.metrics.instruments import REGISTRY
from firstlight.security.headers import FIELDS
from firstlight.server.answers import ANSWERS
from firstlight.server.messages import PIECE_BYTES

from .wires import HEAD_BYTES, REFUSALS, Wired, answered, echo

GET = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
OFFERS = ("h2c", "foo", "websocket", "TLS/1.0")
BODIES = {
    "declared": (b"Content-Length: 5\r\n\r\n", b"hello"),
    "chunked": (b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    "trailers": (b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n"),
}
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
BAD_HOSTS = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "two hosts, old version": b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host with a user": b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "host with a bad port": b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
    "host with odd characters": b"GET / HTTP/1.1\r\nHost: a!$&b\r\n\r\n",
    "host with an escape": b"GET / HTTP/1.1\r\nHost: a%41\r\n\r\n",
    "host with a list": b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
    "host with a large port": b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
    "URL of another host": b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "URL of another port": b"GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "URL with a user": b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "URL without a host": b"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n",
}
MALFORMED = {
    "no request": b"GARBAGE\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "negative length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "endless length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 1000 + b"\r\n\r\n",
    "folded field": b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
    "bare line feed": b"GET / HTTP/1.1\nHost: a\n\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "HTTP/2 without an offer": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "target beyond ASCII": b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "chunk without a size": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "URL that is not of HTTP": b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "asterisk": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "coding within chunks": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks, old version": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}
TARGETS = {
    b"http://a/b?c": "/b",
    b"HTTP://A:80/b": "/b",
    b"http://a": "/",
    b"http://a?c": "/",
    b"//b/c": "//b/c",
    b"/http://b/": "/http://b/",
}
STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
VALID_HOSTS = (
    b"a",
    b"",
    b"a.example:8000",
    b"127.0.0.1",
    b"[::1]:80",
    b"[2001:db8::1]",
    b"a:",
    b"xn--bcher-kva.example",
)


def seen(answer: bytes) -> Iterator[tuple[int, list[object]]]:
    """Status and content of each response in what was answered."""
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        if status == 100:
            answer = rest
            continue
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        content = json.loads(rest[:length])
        yield status, content if isinstance(content, list) else [content["title"], fields[b"content-type"].decode()]
        answer = rest[length:]


def requests_of(answer: bytes) -> list[tuple[str, str]]:
    """Method and body of each request that the application answered."""
    return [(content[0], content[3]) for status, content in seen(answer) if status == 200]  # type: ignore[misc]


def refused(reason: str) -> float:
    """How often the service port refused for this reason."""
    value = REGISTRY.get_sample_value("http_server_refusals_total", {"listener": "service", "reason": reason})
    assert value is not None
    return value


def head_of(size: int) -> bytes:
    """A request whose head has exactly this size."""
    begin = b"GET / HTTP/1.1\r\nHost: a\r\nA: "
    return begin + b"x" * (size - len(begin) - 4) + b"\r\n\r\n"


def bytewise(data: bytes) -> list[bytes]:
    """One packet for each byte."""
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("packets", ["one", "two", "bytes"])
def test_an_offer_to_change_the_protocol_costs_nobody_a_request(offer: str, body: str, packets: str) -> None:
    """The body arrives, and so does the request behind it."""
    framing, content = BODIES[body]
    offered = b"Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\n" % offer.encode()
    head = b"POST / HTTP/1.1\r\n" + offered + framing
    sent = {"one": [head + content + GET], "two": [head, content + GET], "bytes": bytewise(head + content + GET)}
    before = refused("upgrade_refused")

    assert requests_of(answered(echo, sent[packets])) == [("POST", "hello"), ("GET", "")]
    assert refused("upgrade_refused") == before + 1


def test_an_offer_without_a_body_is_served() -> None:
    """What `curl --http2` sends first; and again on the same connection."""
    offer = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert requests_of(answered(echo, [offer + offer + GET])) == [("GET", "")] * 3


def test_an_offer_may_expect_to_be_told_to_continue() -> None:
    """`Expect: 100-continue` beside an offer: the interim response comes before the body."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nExpect: 100-continue\r\n"
    answer = answered(echo, [head + b"Content-Length: 5\r\n\r\n", b"he", b"llo"])
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert requests_of(answer) == [("POST", "hello")]


REFUSED = [
    *(("malformed", kind, request) for kind, request in MALFORMED.items()),
    *(("bad_host", kind, request) for kind, request in BAD_HOSTS.items()),
]


@pytest.mark.parametrize(("reason", "kind", "request_"), REFUSED, ids=[kind for _, kind, _ in REFUSED])
def test_a_malformed_request_is_answered_with_a_problem_document(reason: str, kind: str, request_: bytes) -> None:
    """Also behind a good one, which is answered first; each counts once."""
    before = refused(reason)
    problem = (400, ["Bad Request", "application/problem+json"])

    assert list(seen(answered(echo, [request_]))) == [problem], kind
    assert list(seen(answered(echo, [GET + request_])))[1:] == [problem]
    assert list(seen(answered(echo, bytewise(request_))))[-1:] == [problem]
    assert refused(reason) == before + 3


@pytest.mark.parametrize(("target", "path"), TARGETS.items())
def test_a_target_that_is_a_url_of_this_host_is_its_path(target: bytes, path: str) -> None:
    """RFC 9112, section 3.2.2: every server accepts what clients send to a proxy."""
    ((_, content),) = seen(answered(echo, [b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n"]))
    assert content[1] == path


def test_the_asterisk_is_a_target_of_options() -> None:
    """It means the server as a whole."""
    ((_, content),) = seen(answered(echo, [b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"]))
    assert content[:2] == ["OPTIONS", "*"]


def test_the_answers_of_the_server_have_the_security_headers() -> None:
    """All of them, once each."""
    for reason, answer in ANSWERS.items():
        head = answer.partition(b"\r\n\r\n")[0] + b"\r\n"
        assert [head.count(b"\r\n%b: %b\r\n" % pair) for pair in FIELDS.pairs] == [1] * len(FIELDS.pairs), reason


@pytest.mark.parametrize("host", VALID_HOSTS)
def test_a_valid_host_is_accepted(host: bytes) -> None:
    """RFC 9112, section 3.2: a name, an address, an optional port, or nothing."""
    assert requests_of(answered(echo, [b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"])) == [("GET", "")]


@pytest.mark.parametrize("before", [b"", GET, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"])
@pytest.mark.parametrize("split", [False, True])
def test_the_limit_on_heads_is_exact(before: bytes, split: bool) -> None:  # noqa: FBT001 - a parameter
    """A head of the limit is served and one byte more is not, wherever it stands and however it is split."""
    for size, status in ((HEAD_BYTES, 200), (HEAD_BYTES + 1, 431)):
        data = before + head_of(size)
        statuses = [status for status, _ in seen(answered(echo, bytewise(data) if split else [data]))]
        assert statuses[-1] == status
        assert len(statuses) == 1 + bool(before)


ENDLESS = {
    "fields": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"A: b\r\n", "head_too_large"),
    "value": (b"GET / HTTP/1.1\r\nHost: a\r\nA: ", b"b", "head_too_large"),
    "name": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"A", "head_too_large"),
    "target": (b"GET /", b"a", "head_too_large"),
    "empty lines": (b"", b"\r\n", "head_too_large"),
    "chunk extension": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"a",
        "framing_too_large",
    ),
    "trailers": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"A: b\r\n",
        "framing_too_large",
    ),
    "extensions": (
        CHUNKED,
        b"1;" + b"a" * 60 + b"\r\nx\r\n",
        "framing_too_large",
    ),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_never_ends_is_refused(kind: str) -> None:
    """Soon after the limit, once, and what comes later is not looked at."""
    begin, more, reason = ENDLESS[kind]
    before = refused(reason)

    answer = answered(echo, [begin, *[more * 100] * 100, GET])

    assert [status for status, _ in seen(answer)] == [431 if reason == "head_too_large" else 400]
    assert refused(reason) == before + 1


def test_a_body_of_tiny_chunks_is_no_flood() -> None:
    """Chunks of one byte are wasteful, and allowed."""
    count = 4 * HEAD_BYTES
    assert requests_of(answered(echo, [CHUNKED, b"1\r\nx\r\n" * count, b"0\r\n\r\n"])) == [("POST", "x" * count)]


def test_a_large_chunk_is_not_taken_for_framing() -> None:
    """However much of it comes at once."""
    size = 3 * PIECE_BYTES
    packets = [CHUNKED + b"%x\r\n" % size, b"x" * size, b"\r\n0\r\n\r\n"]
    assert requests_of(answered(echo, packets)) == [("POST", "x" * size)]


def test_trailers_do_not_change_the_request() -> None:
    """A field behind the body must not look like one of the head: a proxy has not checked it."""
    sent = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-User: root\r\n\r\n"
    ((_, content),) = seen(answered(echo, [sent]))
    assert "root" not in str(content)


async def _late(scope: Scope, receive: Receive, send: Send) -> None:
    for _ in range(10):
        await asyncio.sleep(0)
    await echo(scope, receive, send)


async def _impatient(_: Scope, receive: Receive, send: Send) -> None:
    """Ask for the end of the client again and again, as a loop around `is_disconnected()` does."""
    await receive()
    for _turn in range(10):
        task = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        task.cancel()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


async def _deaf(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Read no body, and answer late."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Content-Length: 99999999"])
def test_a_body_that_the_application_does_not_read_is_not_read(framing: str) -> None:
    """Beyond a small part, whatever is known of its length."""

    async def talk() -> int:
        wired, sent = Wired(_deaf), 0
        part = b"a" * 65_536
        packet = b"10000\r\n%b\r\n" % part if "chunked" in framing else part
        wired.protocol.data_received(f"POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode())
        while wired.transport.reading and sent < 100:
            wired.protocol.data_received(packet)
            sent += 1
            await wired.until(lambda: wired.transport.reading)
        wired.close()
        return sent

    assert asyncio.run(talk()) <= 3


@pytest.mark.parametrize("packets", [[b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n"], [GET, b"\r\n"], [GET, b"\n\r\n"]])
def test_empty_lines_after_a_request_do_not_hide_the_disconnect(packets: Sequence[bytes]) -> None:
    """The connection is still read, and the application is told."""
    told: list[str] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        told.append((await receive())["type"])

    async def talk() -> None:
        wired = Wired(app)
        await wired.send(*packets)
        assert wired.transport.reading
        wired.close()
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(talk())
    assert told == ["http.disconnect"]


def test_empty_lines_are_no_head() -> None:
    """A client that sends them after its body is idle, and owes nothing."""

    async def talk() -> None:
        wired = Wired()
        await wired.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n", b"\r\n")
        assert (len(wired.connections.heads), len(wired.connections.idle)) == (0, 1)
        assert (await wired.send(GET)).count(b"HTTP/1.1 200") == 2
        wired.close()

    asyncio.run(talk())


def test_a_request_that_has_waited_has_a_context_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the request before it has bound is not in its log lines."""
    user: ContextVar[str] = ContextVar("user", default="nobody")
    users: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        user.set("alice")
        await _late(scope, receive, send)

    monkeypatch.setattr(REFUSALS, "count", lambda *_: users.append(user.get()))
    answered(app, [GET + b"BAD\r\n\r\n"])
    assert users == ["nobody"]


@pytest.mark.parametrize("app", [_late, _impatient])
def test_what_follows_a_request_is_not_read_before_that_is_answered(app: ASGIApp) -> None:
    """A client that sends on and on fills its own memory."""

    async def talk() -> tuple[bool, int]:
        wired = Wired(app)
        wired.protocol.data_received(GET + GET)
        read = []
        for _turn in range(8):
            await asyncio.sleep(0)
            read.append(wired.transport.reading)
        await wired.until(lambda: False)
        wired.close()
        return any(read), wired.transport.written.count(b"HTTP/1.1 200")

    assert asyncio.run(talk()) == (False, 2)


SEEDS = (
    GET,
    GET + GET,
    b"POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + GET,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: u\r\n\r\n" + GET,
    b"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 4\r\n\r\n\r\n\r\n" + GET,
    b"HEAD / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET,
    b"PUT / HTTP/1.1\r\nHost: [::1]:8\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
    b"\r\n\r\nGET http://a/b HTTP/1.1\r\nHost: a\r\nA:   b  \r\n\r\n",
    b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
)
SPICES = (
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b":",
    b" ",
    b"\t",
    b"\xff",
    b"Host: b\r\n",
    b"Content-Length: 3\r\n",
    b"\r\n\r\n",
    b"0",
)


def _mutated(random_: random.Random) -> bytes:
    data = bytearray(random_.choice(SEEDS))
    for _ in range(random_.randrange(4)):
        at = random_.randrange(len(data) + 1)
        kind = random_.randrange(4)
        if kind == 0:
            data[at:at] = random_.choice(SPICES)
        elif kind == 1:
            del data[at : at + random_.randrange(1, 9)]
        elif kind == 2:
            data[at : at + 1] = bytes([random_.randrange(256)])
        else:
            other = random_.choice(SEEDS)
            data[at:] = other[random_.randrange(len(other)) :]
    return bytes(data)


def _split(random_: random.Random, data: bytes) -> Sequence[bytes]:
    cuts = sorted(random_.randrange(len(data) + 1) for _ in range(random_.randrange(1, 9)))
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if begin < end]


def test_parsing_does_not_depend_on_how_bytes_are_split() -> None:
    """2,000 mutated requests: the same answers in one packet, in several, and byte by byte; never a 5xx."""
    random_ = random.Random(10)  # noqa: S311 - reproducible on purpose

    async def outcome(packets: Sequence[bytes]) -> tuple[bytes, bool]:
        wired = Wired(echo)
        answer = await wired.send(*packets)
        ended = wired.transport.aborted
        wired.close()
        return answer, ended

    async def compare() -> None:
        for number in range(2000):
            data = _mutated(random_)
            if not data:
                continue
            whole = await outcome([data])
            assert await outcome(_split(random_, data)) == whole, data
            if number % 10 == 0:
                assert await outcome(bytewise(data)) == whole, data
            assert set(STATUS.findall(whole[0])) <= {b"100", b"200", b"400", b"431"}, data

    asyncio.run(compare())


@pytest.mark.parametrize("target", [b"/a%sb", b"/a?b%sc", b"/%s", b"/?%s", b"//%s", b"/%s/%s?%s"])
def test_a_target_is_taken_apart_as_by_the_parser_s_own_function(target: bytes) -> None:
    """With every byte that a target may have."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        taken.append((scope["raw_path"], scope["query_string"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    taken: list[tuple[bytes, bytes]] = []
    accepted = 0
    for code in range(256):
        given = target.replace(b"%s", bytes([code]))
        taken.clear()
        answered(app, [b"GET " + given + b" HTTP/1.1\r\nHost: a\r\n\r\n"])
        if taken:
            parsed = httptools.parse_url(given.rstrip(b" "))  # which the parser skips
            assert taken == [(parsed.path, parsed.query or b"")]
            accepted += 1

    assert accepted > 80  # letters, digits, and what RFC 3986 allows
