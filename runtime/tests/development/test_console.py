"""The development console under `make run`: its address, and what survives a reload of the code."""

import re
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest

from firstlight.development.environment import DevelopmentEnvironment
from firstlight.testing.process import TIMEOUT_SECONDS

from ..peers import wait_until
from .conftest import PAGE, Develop

READY = "Ctrl-C stops it."
LOGIN = re.compile(r"\n  console  (http://127\.0\.0\.1:\d+/console)/login\?token=([0-9a-f]{32})\n")


def test_cookie_and_buffers_survive_a_reload(develop: Develop, page: Path) -> None:
    """The address is printed once. After a reload an open page goes on where it was, also after one that failed."""
    session = develop()
    found = LOGIN.search(session.wait_for(READY))
    assert found is not None
    address, token = found.groups()
    login = httpx2.get(f"{address}/login?token={token}", timeout=TIMEOUT_SECONDS)
    cookie = {"Cookie": login.headers["set-cookie"].partition(";")[0]}

    def read(twin: str) -> dict[str, list[dict[str, str]]]:
        answer = httpx2.get(f"{address}/api/v1/{twin}", headers=cookie, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200, answer.text
        found: dict[str, list[dict[str, str]]] = answer.json()
        return found

    def ask() -> None:
        httpx2.get(f"http://127.0.0.1:{session.port}/show", timeout=TIMEOUT_SECONDS)
        session.wait_for(" ms\n")

    ask()
    before = read("requests")
    page.write_text(PAGE.replace("SERVICE = ", "SERVICE = = "))
    session.wait_for("waiting for a change\n")
    page.write_text(PAGE.replace("1.2.3", "1.2.4"))
    session.wait_for("ready again after ")
    ask()

    after = read("requests")["items"]
    trace = read(f"requests/{before['items'][0]['trace_id']}")
    started = [each["line"]["version"] for each in read("logs?text=service.started")["items"]]  # type: ignore[index]
    assert (after[0], len(after)) == (before["items"][0], 2)
    assert [span["name"] for span in trace["spans"]] == ["GET /show"]
    assert started == ["1.2.3", "1.2.4"]
    assert session.text.count("/login?token=") == 1
    session.type("\x03")
    assert session.wait() == 0


def test_what_led_to_a_blocked_loop_survives_the_reload_that_ends_it(develop: Develop, page: Path) -> None:
    """Such a process is killed, and cannot hand over at its end."""
    session = develop()
    found = LOGIN.search(session.wait_for(READY))
    assert found is not None
    address, token = found.groups()

    def read(twin: str) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx2.get(f"{address}/api/v1/{twin}", headers=headers, timeout=TIMEOUT_SECONDS)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    httpx2.get(f"http://127.0.0.1:{session.port}/show", timeout=TIMEOUT_SECONDS)
    with socket.create_connection(("127.0.0.1", session.port), TIMEOUT_SECONDS) as connection:
        connection.sendall(b"GET /block HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: any(stall["ms"] > 2_500 for stall in read("stalls")))
        page.write_text(PAGE.replace("1.2.3", "1.2.4"))
        session.wait_for("ready again after ")

    (stall,) = [each for each in read("stalls") if each["ms"] > 1_000]
    assert "time.sleep(60)" in stall["stack"][-1]
    assert [request["path"] for request in stall["requests"]] == ["/block"]
    assert [request["path"] for request in read("requests")] == ["/show"]
    assert read("logs?text=service.started")[0]["line"]["version"] == "1.2.3"


def test_the_token_of_another_run_opens_nothing(develop: Develop) -> None:
    """Each `make run` has a new one."""
    session = develop(terminal=False)
    session.wait_for("/login?token=")
    session.wait_for("\n")
    found = re.search(r"console: (\S+)/login\?token=(\S+)", session.text)
    assert found is not None
    old = "0" * 31 + "1"

    refused = httpx2.get(f"{found[1]}/login?token={old}", timeout=TIMEOUT_SECONDS)

    assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)


@pytest.mark.parametrize(
    ("real", "file", "on"),
    [
        ({}, "", "true"),
        ({"HOST": "localhost"}, "", "true"),
        ({"HOST": "0.0.0.0"}, "", None),  # noqa: S104 - compared
        ({"MANAGEMENT_HOST": "0.0.0.0"}, "", None),  # noqa: S104
        ({"HOST": "0.0.0.0", "MANAGEMENT_HOST": "::1"}, "", "true"),  # noqa: S104
        ({}, "HOST=0.0.0.0\n", None),
        ({}, "CONSOLE=false\n", "false"),
        ({"console": "false"}, "", None),
    ],
)
def test_make_run_switches_it_on_where_only_this_machine_reaches_it(
    tmp_path: Path, real: dict[str, str], file: str, on: str | None
) -> None:
    """And where nobody has said otherwise."""
    (tmp_path / ".env").write_text(file)

    assert DevelopmentEnvironment(tmp_path, real).variables.get("CONSOLE") == on
