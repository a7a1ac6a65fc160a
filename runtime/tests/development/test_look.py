"""`make look`: the console in the terminal, of a service that `make run` runs."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.process import TIMEOUT_SECONDS

from ..conftest import PROGRAMS
from ..peers import wait_until
from .conftest import PAGE, Develop, Session

READY = "Ctrl-C stops it."
FILE = ".cache/console/web.json"


def look(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in the folder of the service."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "firstlight", "look", *arguments],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name != "CONSOLE_TOKEN"},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


def ask(session: Session, path: str, number: int = 1) -> None:
    """Send requests to the service."""
    for _ in range(number):
        httpx2.get(f"http://127.0.0.1:{session.port}{path}", timeout=TIMEOUT_SECONDS)


def failing(session: Session, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What is shown when an alert would fire: requests fail until then."""
    seen: list[subprocess.CompletedProcess[str]] = []

    def fires() -> bool:
        ask(session, "/fail", 15)
        seen.append(look(session.root, *arguments))
        return "ErrorBudgetBurn" in seen[-1].stdout

    wait_until(fires)
    return seen[-1]


def test_it_shows_routes_budget_alerts_and_errors(develop: Develop, page: Path) -> None:
    """Of the running service, as text and as JSON; the token is printed nowhere. Afterwards nothing is left."""
    session = develop()
    session.wait_for(READY)
    ask(session, "/show", 5)
    found, shown = json.loads(failing(session, "--json").stdout), failing(session)
    token = json.loads((session.root / FILE).read_text())["token"]

    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.match(r"scales 1\.2\.3, development, for \d+ (s|min): http://127\.0\.0\.1:\d+/console\n", shown.stdout)
    assert re.search(r"\n  /fail +\d+\.?\d* +\d+\.\d ms +\d+\.\d ms +100 %\n", shown.stdout)
    assert re.search(r"\n  availability 99\.9 % +5 +\d+ +-[\d.]+ % +[\d,.]+\n", shown.stdout)
    assert re.search(r"\n  P1 ErrorBudgetBurn since \d\d:\d\d:\d\d: The error budget is spent too fast", shown.stdout)
    assert re.search(r"\n  \d\d:\d\d:\d\d GET /fail 500 \S*RuntimeError \d+\.\d ms\n", shown.stdout)
    assert "Checks that do not pass\n  none\n" in shown.stdout
    assert [len(found["errors"]), found["version"], found["errors"][-1]["status"]] == [5, 1, 500]
    assert {"slo", "good", "bad", "burn_rate", "budget_left"} <= found["budget"][0].keys()
    assert "runbook" not in found["alerts"][0]
    assert token not in shown.stdout + json.dumps(found)
    assert "\x1b" not in shown.stdout
    assert stat.S_IMODE((session.root / FILE).stat().st_mode) == 0o600

    trace = re.findall(r"make look TWIN='(requests/[0-9a-f]{32}\?seq=\d+)'", shown.stdout)[-1]
    detail = look(session.root, trace)
    assert "the stamp is broken" in json.loads(detail.stdout)["request"]["exception"]["stack"]
    spaces = look(session.root, "logs?level=error&text=the stamp&limit=1")
    assert json.loads(spaces.stdout)["items"][0]["line"]["event"] == "http.request_failed"

    page.write_text(PAGE.replace("1.2.3", "1.2.4"))
    session.wait_for("ready again after ")
    assert look(session.root).stdout.startswith("scales 1.2.4, ")
    session.type("\x03")
    assert session.wait() == 0
    assert list((session.root / FILE).parent.iterdir()) == []
    assert look(session.root).returncode == 1


def test_another_kind_of_process_is_asked_by_its_name(tmp_path: Path) -> None:
    """It has no requests, and sections of its own."""
    folder = {"FIRSTLIGHT_CONSOLE_FOLDER": str(tmp_path / ".cache/console"), "CONSOLE": "true"}
    worker = ServiceProcess([str(PROGRAMS / "shown.py"), "worker"], folder)
    try:
        worker.wait_for("service.started")
        found, web = look(tmp_path, "--process", "worker", "--json"), look(tmp_path)
        shown = look(tmp_path, "--process", "worker")
        assert worker.terminate() == 0
    finally:
        worker.close()

    summary = json.loads(found.stdout)
    assert (summary["service"]["process"], summary["routes"], summary["budget"]) == ("worker", [], [])
    assert "Routes in the last minute\n  no request\n" in shown.stdout
    assert web.returncode == 1
    assert list((tmp_path / ".cache/console").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ((), 1, "No service of this folder runs with its console: start it with `make run`, in another terminal.\n"),
        (
            ("--process", "worker"),
            1,
            "No process `worker` of this folder runs with its console: start it with `make run ARGS=worker`.\n",
        ),
        (("--process", "../web"), 2, "must be the name of a process, such as worker\n"),
        (("--loud",), 2, "unrecognized arguments: --loud\n"),
    ],
)
def test_nothing_runs_or_bad_use(tmp_path: Path, arguments: tuple[str, ...], status: int, sentence: str) -> None:
    """One sentence each."""
    done = look(tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr.endswith(sentence)) == (status, "", True), done.stderr


def test_a_twin_that_does_not_exist_and_a_service_that_hangs_up(develop: Develop) -> None:
    """The sentence of the console; and one of ours when there is no console at the address."""
    session = develop(terminal=False)
    session.wait_for("/login?token=")
    refused = [look(session.root, "nothing"), look(session.root, "requests?slower=x")]
    file = session.root / FILE
    address = json.loads(file.read_text())
    file.write_text(json.dumps({**address, "port": 1}))
    away = look(session.root)

    assert [each.returncode for each in (*refused, away)] == [1, 1, 1]
    assert refused[0].stderr == "The console has no such section.\n"
    assert refused[1].stderr == "slower must be a number of at least 0.\n"
    assert away.stderr == "The console at http://127.0.0.1:1 does not answer (ConnectionRefusedError).\n"
