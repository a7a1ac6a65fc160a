"""`make run`: a real supervisor on a real terminal, with a service whose files are edited."""

import json
import os
import re
import signal
import socket
import threading
from pathlib import Path

import httpx2
import pytest

from firstlight.testing.process import TIMEOUT_SECONDS

from ..peers import wait_until
from .conftest import PAGE, Develop, Session

READY = "Ctrl-C stops it."
ACTIVE = re.compile(r"^http_server_active_requests(\{.*\})? 1\.0$", re.MULTILINE)


def ask(session: Session, path: str) -> httpx2.Response:
    """Send one request to the service."""
    return httpx2.get(f"http://127.0.0.1:{session.port}{path}", timeout=TIMEOUT_SECONDS)


def is_gone(process: int) -> bool:
    """Whether a process has ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_serves_reloads_and_stops(develop: Develop, page: Path) -> None:
    """A reload keeps ports and token, also after an error in the source. Ctrl-C ends the service."""
    session = develop()
    start = session.wait_for(READY)
    assert "scales 1.2.3 is ready\n" in start
    assert re.search(r"\n  health   (http://127\.0\.0\.1:\d+)/health\n  metrics  \1/metrics\n", start)

    process, token, greeting = ask(session, "/show").text.split()
    line = session.wait_for(" ms\n")
    assert re.search(r"\n\d\d:\d\d:\d\d GET /show 200 \d+\.\d ms\n$", line)
    assert "\x1b[1mGET\x1b[0m /show \x1b[32m200\x1b[0m" in session.raw
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert greeting == "None"

    (page.parents[2] / ".env").write_text("GREETING=hello\n")
    assert "reloading: .env\n" in session.wait_for("ready again after ")
    assert ask(session, "/show").text.split()[1:] == [token, "hello"]
    assert is_gone(int(process))

    page.write_text(PAGE.replace("SERVICE = ", "SERVICE = = "))
    broken = session.wait_for("waiting for a change\n")
    assert "reloading: src/scales/service.py\n" in broken
    assert re.search(r"\n  src/scales/service\.py:\d+\n    SERVICE = = .*\n +\^\nSyntaxError: invalid syntax\n", broken)
    assert "the service ended with status 1\n" in broken
    assert "command_line.py" not in broken

    page.write_text(PAGE)
    session.wait_for("ready again after ")
    assert ask(session, "/show").text.split()[1:] == [token, "hello"]

    session.type("\x03")
    assert session.wait() == 0
    assert session.text.endswith("stopped\n")
    assert session.text.count("is ready") == 1
    assert "Traceback" not in session.text[session.text.rindex("ready again") :]


def test_a_failure_shows_the_frames_of_the_service(develop: Develop) -> None:
    """Frames of libraries are folded. The lines of the request and of the error have the same id."""
    session = develop()
    session.wait_for(READY)
    response = ask(session, "/fail")
    text = session.wait_for("RuntimeError: the stamp is broken\n")
    assert re.search(r" GET /fail 500 \d+\.\d ms RuntimeError\n", text)
    assert f" error http.request_failed http_route=/fail request_id={response.headers['x-request-id']} " in text
    assert re.search(r"\n  \.\.\. \d+ frames of .*starlette.*\n  src/scales/service\.py:\d+ in fail\n    raise ", text)
    assert "site-packages" not in text


def test_a_second_ctrl_c_ends_at_once(develop: Develop) -> None:
    """The first one waits for the request in flight. Both also reach the service. No process is left."""
    session = develop(GRACEFUL_SECONDS="60")
    session.wait_for(READY)
    process = int(ask(session, "/show").text.split()[0])
    connection = socket.create_connection(("127.0.0.1", session.port), TIMEOUT_SECONDS)
    with connection:
        connection.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        management = re.findall(r"http://127\.0\.0\.1:\d+/metrics", session.text)[0]
        wait_until(lambda: ACTIVE.search(httpx2.get(management).text))
        session.type("\x03")
        wait_until(lambda: httpx2.get(management.replace("/metrics", "/health/ready")).status_code != 200)
        assert session.process.poll() is None
        session.type("\x03")
        assert session.wait() == 130
    wait_until(lambda: is_gone(process))


@pytest.mark.parametrize("path", ["/wait", "/block"])
def test_a_request_that_does_not_end_does_not_delay_a_reload(develop: Develop, page: Path, path: str) -> None:
    """It is cut after two seconds at most, also when it blocks the event loop."""
    session = develop()
    session.wait_for(READY)
    with socket.create_connection(("127.0.0.1", session.port), TIMEOUT_SECONDS) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        management = re.findall(r"http://127\.0\.0\.1:\d+/metrics", session.text)[0]
        wait_until(lambda: ACTIVE.search(httpx2.get(management).text))
        page.write_text(PAGE + "\n# edited\n")
        session.wait_for("reloading: src/scales/service.py, what was in flight is cut\n", 10)
        session.wait_for("ready again")


def test_without_a_terminal_lines_are_json(develop: Develop) -> None:
    """The supervisor writes to standard error, without colours. SIGTERM starts the drain, without a delay."""
    session = develop(terminal=False, NO_COLOR="1")
    assert session.process.stdout is not None
    lines: list[dict[str, object]] = []
    reader = threading.Thread(target=lambda: lines.extend(map(json.loads, session.process.stdout or ())))
    reader.start()
    wait_until(lambda: [line for line in lines if line["event"] == "service.started"])
    (session.root / "src/scales/__init__.py").write_text("# edited\n")
    session.wait_for("reloading: src/scales/__init__.py\n")
    wait_until(lambda: len([line for line in lines if line["event"] == "service.started"]) == 2)
    session.process.send_signal(signal.SIGTERM)
    assert session.wait() == 0
    reader.join(TIMEOUT_SECONDS)
    ports = {line["port"] for line in lines if line["event"] == "service.started"}
    drains = [line["drain_seconds"] for line in lines if line["event"] == "service.drain_started"]
    assert len(ports) == 1
    assert drains == [0, 0]
    assert "\x1b" not in session.raw


@pytest.mark.parametrize(
    ("file", "environment", "sentence"),
    [
        ("GREETING=x\nGREETING\n", [], ".env, line 2: must be NAME=value, or a comment that begins with #\n"),
        ("PORT=http\n", [], "scales: PORT must be a valid integer, not 'http'\n"),
        ("PORT=0\n", ["PORT"], "scales: PORT TAKEN cannot be opened: Address already in use (set PORT to "),
    ],
    ids=["a bad line", "a bad setting", "a port in use"],
)
def test_a_bad_setting_at_the_first_start_ends_it(
    develop: Develop, root: Path, file: str, environment: list[str], sentence: str
) -> None:
    """The exit status is 2. The real environment takes precedence over `.env`."""
    (root / ".env").write_text(file)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        session = develop(without=["PORT"], **dict.fromkeys(environment, port))
        assert session.wait() == 2
    assert session.text.startswith(sentence.replace("TAKEN", port))
    assert session.text.count("\n") == 1


def test_ctrl_c_during_the_start_prints_no_traceback(develop: Develop, page: Path) -> None:
    """Neither by the service nor by the supervisor. No process is left."""
    page.write_text("import os, sys, time\nprint('imports', os.getpid(), '.', file=sys.stderr)\ntime.sleep(60)\n")
    session = develop()
    process = int(re.findall(r"imports (\d+)", session.wait_for(" .\n"))[0])
    os.kill(process, signal.SIGINT)  # as the terminal does, which the supervisor may hear later
    session.type("\x03")
    assert session.wait() == 0
    assert session.text.endswith("stopped\n")
    assert "Traceback" not in session.text
