"""The answers of the console's application: bodies, errors, and effects that take long."""

import socket

import pytest

from .conftest import API, PAGE, TOKEN, Caller, Effects


@pytest.mark.parametrize(
    "path", ["/console", "/console/", "/console/requests", "/console/requests/0af7", "/console/components/http_client"]
)
def test_every_section_has_an_address(here: Caller, path: str) -> None:
    """The page is one document, which shows what its address says."""
    answer = here.ask(path, ("Cookie", here.cookie))

    assert (answer.status, answer.body, answer.headers["content-type"]) == (
        200,
        PAGE.document,
        "text/html; charset=utf-8",
    )


def test_the_list_of_twins(here: Caller) -> None:
    """Each answer has the version of the interface and the time."""
    listed = here.read("")

    assert (listed["version"], listed["sections"], listed["components"]) == (1, ["broken", "echo"], [])
    assert listed["actions"] == ["busy", "press", "slow"]
    assert listed["now"] > 1.7e9


@pytest.mark.parametrize(
    ("twin", "status", "sentence"),
    [
        ("nothing", 404, "The console has no such section."),
        ("broken", 500, "The console failed; the log of the service says why."),
        (f"echo?{'&'.join(f'a{n}=1' for n in range(21))}", 400, "A query may have 20 arguments."),
        ("echo?txet=x", 400, "txet is no argument here: the arguments are text."),
        ("echo/x?text=y", 400, "text is no argument here: there are no arguments."),
        ("echo?text=x&text=y", 400, "Each argument may be given once."),
    ],
)
def test_an_error_is_a_sentence(here: Caller, twin: str, status: int, sentence: str) -> None:
    """With the status of its kind. The next request is answered."""
    answer = here.ask(API + twin, ("Cookie", here.cookie))

    assert (answer.status, answer.json["error"]) == (status, sentence)
    assert here.read("echo/x")["key"] == "x"


@pytest.mark.parametrize(
    "body", [b"[1]", b"{", b"\xff", b'{"seconds": "x"}', b'{"seconds": 31}', b'{"seconds": true}', b'{"second": 1}']
)
def test_a_bad_body_is_refused(here: Caller, effects: Effects, body: bytes) -> None:
    """It must be an object in JSON, with numbers within their limits."""
    ours = ("Cookie", here.cookie), ("Origin", here.origin), ("X-Console", "1")
    answer = here.ask(f"{API}press", *ours, method="POST", body=body)

    assert (answer.status, effects.done) == (400, [])


def test_a_large_body_is_refused(here: Caller, effects: Effects) -> None:
    """The port reads only what fits into its limit of a head."""
    ours = ("Cookie", here.cookie), ("Origin", here.origin), ("X-Console", "1")
    statuses = [
        here.ask(f"{API}press", *ours, method="POST", body=b" " * size + b"{}").status
        for size in (4_000, 5_000, 17_000)
    ]

    assert statuses == [200, 400, 400]
    assert effects.done == [1.0]


def test_a_body_in_several_pieces_is_read(here: Caller, effects: Effects) -> None:
    """A browser may send it after the head."""
    host = f"127.0.0.1:{here.port}"
    ours = {"Host": host, "Cookie": here.cookie, "Origin": here.origin, "X-Console": "1"}
    head = f"POST {API}press HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in ours.items())
    with socket.create_connection(("127.0.0.1", here.port), 10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (f"{head}Content-Length: 14\r\n\r\n", '{"seconds"', ": 3", "}"):
            client.sendall(piece.encode())
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert effects.done == [3.0]


def test_an_effect_may_take_longer_than_a_silent_answer(here: Caller) -> None:
    """The answer begins before it is known, so the port does not close the connection."""
    assert here.act("slow", seconds=1.2).json["slept"] is True


def test_what_runs_already_is_refused(here: Caller) -> None:
    """With 409."""
    answer = here.act("busy")

    assert (answer.status, answer.json["error"]) == (409, "It runs already.")


def test_a_head_request_gets_no_body(here: Caller) -> None:
    """But the length of it."""
    answer = here.ask(f"{API}echo", ("Authorization", f"Bearer {TOKEN}"), method="HEAD")

    assert (answer.status, answer.body) == (200, b"")
