"""One command silences a service for a limited time; a real Alertmanager holds its pages back, and no other's."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import documents
import pytest
from live import AT_ONCE, Alertmanager, Inbox, call
from live import alertmanager as run_alertmanager
from rulebook import ALERTS
from template import ROOT

WHOLE = {
    "--service": "acme-links",
    "--env": "production",
    "--duration": "1h30m",
    "--reason": "Upgrade, OPS-12",
    "--author": "ada",
}
PAGE = {"alertname": "ServiceDown", "priority": "P1", "env": "production", "process": "web"}


def silence(**changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run the command with these arguments instead of the usual ones. None leaves one out."""
    arguments = WHOLE | {f"--{name}": value for name, value in changes.items()}
    words = [word for name, value in arguments.items() if value is not None for word in (name, value)]
    return subprocess.run([sys.executable, ALERTS / "silence.py", *words], check=False, capture_output=True, text=True)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that gives one client this answer, and closes. Yields its address."""

    def once() -> None:
        client, _ = server.accept()
        server.close()
        with client:
            client.recv(65_536)
            client.sendall(answer)

    server = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    thread = threading.Thread(target=once, daemon=True)
    thread.start()
    yield url
    thread.join(timeout=10)


def silences(server: Alertmanager) -> list[dict[str, Any]]:
    """Every silence that Alertmanager knows."""
    return list(json.loads(call(f"{server.url}/api/v2/silences")))


def test_a_silenced_page_is_not_sent_and_others_are(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """Only this service in this environment is held back. The silence has an end, an author and a reason."""
    done = silence(alertmanager=alertmanager.url)
    assert done.returncode == 0, done.stderr
    (kept,) = silences(alertmanager)
    assert (kept["createdBy"], kept["comment"]) == ("ada", "Upgrade, OPS-12")
    lasts = datetime.fromisoformat(kept["endsAt"]) - datetime.fromisoformat(kept["startsAt"])
    assert abs(lasts - timedelta(minutes=90)) < timedelta(seconds=5)

    alertmanager.post({**PAGE, "service": "acme-links"}, {**PAGE, "service": "acme-links", "env": "staging"})
    alertmanager.post({**PAGE, "service": "acme-links-2"})
    received = inbox.until({"pager", "slack", "non-production"}.issubset)
    assert {each["commonLabels"]["service"] for each in received["pager"]} == {"acme-links-2"}
    assert alertmanager.suppressed() == {("ServiceDown", "P1")}

    again = silence(alertmanager=alertmanager.url, alert="ErrorBudgetBurn", cluster="east")
    assert "acme-links (production, east, ErrorBudgetBurn): silent from " in again.stdout
    assert "Firing now: nothing that this matches." in again.stdout


@pytest.mark.usefixtures("installed")
def test_a_label_that_is_added_is_silenced_by_the_command_of_the_guide(inbox: Inbox, tmp_path: Path) -> None:
    """Without it, every service pages under its earlier labels. A service with the new label still pages."""
    command = documents.block(ROOT, "docs/guides/alerts.md", "silence add")
    with run_alertmanager(tmp_path, inbox, AT_ONCE) as server:
        subprocess.run(["sh", "-c", command.replace("http://localhost:9093", server.url)], check=True)
        server.post({**PAGE, "service": "acme-links"}, {**PAGE, "service": "acme-links", "cluster": "eu"})
        received = inbox.until({"pager"}.issubset)
        assert {each["commonLabels"].get("cluster") for each in received["pager"]} == {"eu"}
        assert server.suppressed() == {("ServiceDown", "P1")}


@pytest.mark.usefixtures("installed")
def test_a_planned_maintenance_starts_later(inbox: Inbox, tmp_path: Path) -> None:
    """Until then pages are sent; the command names what it will hold back, and how it ends early."""
    starts = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    with run_alertmanager(tmp_path, inbox, AT_ONCE) as server:
        server.post({**PAGE, "service": "acme-links"})
        inbox.until({"pager"}.issubset)
        done = silence(alertmanager=server.url, starts=starts.isoformat().removesuffix("+00:00"))
        (kept,) = silences(server)
        assert kept["status"]["state"] == "pending"
        assert datetime.fromisoformat(kept["startsAt"]) == starts
        assert "Firing now: ServiceDown." in done.stdout
        command = done.stdout.splitlines()[-1].removeprefix("To end it early: ").split()
        subprocess.run(command, check=True, capture_output=True)
        assert silences(server)[0]["status"]["state"] == "expired"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"service": None}, "The following arguments are required: --service."),
        ({"env": None, "reason": None}, "The following arguments are required: --env, --reason."),
        ({"service": " "}, "Argument --service: must be one line with text in it."),
        ({"duration": "8d"}, "Argument --duration: must be from 1m to 7d, such as 30m, 2h or 1d12h, and not '8d'."),
        ({"duration": "0m"}, "Argument --duration: must be from 1m to 7d,"),
        ({"duration": "2"}, "Argument --duration: must be from 1m to 7d,"),
        ({"duration": "-2h"}, "Argument --duration: "),
        ({"starts": "tomorrow"}, "Argument --starts: must be a time such as 2026-12-01T22:00, and not 'tomorrow'."),
        ({"starts": "0001-01-01T00:00+14:00"}, "Argument --starts: must be a time such as 2026-12-01T22:00,"),
        ({"starts": "2020-01-01T00:00"}, "Argument --starts: must be within the next 90 days, in UTC,"),
        (
            {"alertmanager": "file:///etc/passwd"},
            "Argument --alertmanager: must be an address such as http://localhost",
        ),
        ({"severity": "high"}, "Unrecognized arguments: --severity high."),
    ],
    ids=str,
)
def test_bad_input_is_a_sentence(changes: dict[str, str | None], sentence: str) -> None:
    """Status 2, and nothing is asked of any Alertmanager."""
    refused = silence(**changes)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith(sentence)
    assert refused.stderr.count("\n") == 1


def test_an_alertmanager_that_does_not_take_it_is_a_sentence(inbox: Inbox) -> None:
    """Status 1: nobody listens there, or it is something else."""
    nobody = silence(alertmanager="http://127.0.0.1:1")
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("There is no Alertmanager at http://127.0.0.1:1: ")
    other = silence(alertmanager=inbox.url)
    assert (other.returncode, other.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "There is no Alertmanager at URL: SSH-2.0-OpenSSH_9.2. Give its address"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
            "There is no Alertmanager at URL: it answers, and names no",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]", "There is no Alertmanager at URL: IncompleteRead(2 bytes"),
    ],
    ids=["no HTTP", "other JSON", "incomplete"],
)
def test_what_is_no_alertmanager_is_a_sentence(answer: bytes, sentence: str) -> None:
    """Whatever listens at the address."""
    with answering(answer) as url:
        done = silence(alertmanager=url)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(sentence.replace("URL", url))


@pytest.mark.parametrize("address", ["http://localhost:abc", "http://[::1"])
def test_an_address_that_cannot_be_one_is_a_sentence(address: str) -> None:
    """Status 1, as for an address where nothing listens."""
    done = silence(alertmanager=address)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"There is no Alertmanager at {address}: ")


def test_a_silence_that_exists_is_told_whatever_follows() -> None:
    """Alertmanager ends between two questions: without the identifier, nobody could end the silence early."""
    body = b'{"silenceID": "5f2c"}'
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as url:
        done = silence(alertmanager=url)
    assert done.returncode == 0, done.stderr
    assert f"Firing now: not known. There is no Alertmanager at {url}: " in done.stdout
    assert done.stdout.endswith("silence expire 5f2c\n")
