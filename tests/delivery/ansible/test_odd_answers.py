"""Both gates read an answer within their limits, however it comes."""

import importlib.util
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

import pytest
from template import ROOT, SERVICE_DIRECTORY

pytestmark = pytest.mark.delivery

FILES = ROOT / SERVICE_DIRECTORY / "deploy/ansible/roles/service/files"
HEAD = b"HTTP/1.1 200 OK\r\n"
BODY = b"""\
slo_objective_ratio{slo="availability"} 0.999
slo_objective_ratio{slo="latency"} 0.99
process_start_time_seconds 1000
service_ready 1
"""
Send = Callable[[socket.socket], None]


def module(name: str) -> ModuleType:
    """A gate, as a module."""
    found = importlib.util.spec_from_file_location(name, FILES / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    loaded = importlib.util.module_from_spec(found)
    found.loader.exec_module(loaded)
    return loaded


def deploy_gate(url: str) -> str:
    """Why an instance cannot be read, or nothing."""
    gate = module("deploy_gate")
    try:
        gate.reading(gate.fetch(url))
    except gate.UnreadableError as error:
        return str(error)
    return ""


def process_gate(url: str) -> str:
    """Why a process cannot be read, or nothing."""
    process = module("process_gate").Process("worker", url)
    process.read()
    return str(process.missed)


@contextmanager
def answering(send: Send) -> Iterator[str]:
    """A server that answers one request in its own way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(10)
                connection.recv(65_536)
                send(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/metrics"
        thread.join()


def chunked(connection: socket.socket) -> None:
    """Line by line, as a proxy may."""
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for line in BODY.splitlines(keepends=True):
        connection.sendall(b"%x\r\n%s\r\n" % (len(line), line))
    connection.sendall(b"0\r\n\r\n")


def until_closed(connection: socket.socket) -> None:
    """Without a length."""
    connection.sendall(HEAD + b"\r\n" + BODY)


def broken_off(connection: socket.socket) -> None:
    """Less than it said."""
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n" + BODY)


def trickling(connection: socket.socket, head: bytes) -> None:
    """A byte every now and then, never late enough for the timeout of a socket."""
    connection.sendall(head)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        connection.sendall(b"#")
        time.sleep(0.1)


def trickling_head(connection: socket.socket) -> None:
    """In a header."""
    trickling(connection, HEAD + b"X: ")


def trickling_body(connection: socket.socket) -> None:
    """In the body."""
    trickling(connection, HEAD + b"\r\n")


def endless(connection: socket.socket) -> None:
    """As fast as it can."""
    connection.sendall(HEAD + b"\r\n")
    while True:
        connection.sendall(b"# HELP more\n" * 10_000)


@pytest.mark.parametrize("gate", [deploy_gate, process_gate])
@pytest.mark.parametrize(
    ("send", "because"),
    [
        (chunked, ""),
        (until_closed, ""),
        (broken_off, "the answer breaks off"),
        (trickling_head, "no whole answer within 2 s"),
        (trickling_body, "no whole answer within 2 s"),
        (endless, "more than 16777216 bytes|no whole answer within 2 s"),
    ],
)
def test_an_answer_is_read_or_cut_off(gate: Callable[[str], str], send: Send, because: str) -> None:
    """Whole, or not at all; within the two seconds that a reading may take."""
    with answering(send) as url:
        began = time.monotonic()
        missed = gate(url)
        seconds = time.monotonic() - began
    assert any(part in missed for part in because.split("|"))
    assert bool(because) == bool(missed)
    assert seconds < 5  # 2, and what a busy machine adds
