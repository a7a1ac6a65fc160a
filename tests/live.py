"""Real Prometheus and Alertmanager on loopback, with the shipped rules and routes, and an inbox for what they send."""

import json
import queue
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from rulebook import ALERTS, ROOT
from template import TIMEOUT_SECONDS

from bench.ports import free_port

SAMPLE_LIMIT = 10000  # as in the stand-alone stack
# The programs, by any name they have.
PROMETHEUS, PROMTOOL, AMTOOL = ("prometheus",), ("promtool",), ("amtool",)
ALERTMANAGER = ("prometheus-alertmanager", "alertmanager")
PROMETHEUS_3 = ROOT / ".tools/prometheus-3/usr/bin"  # programs of that release, beside the installed ones
TEMPLATES = ALERTS / "alertmanager" / "templates"
CONFIGURATION = ALERTS / "alertmanager" / "alertmanager.yml"

Notification = dict[str, Any]
AT_ONCE = {"group_wait": "1s", "group_interval": "1s"}  # waits of Alertmanager


def call(url: str, body: bytes | None = None) -> bytes:
    """Ask a server on loopback."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http, our own
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the same
        contents: bytes = answer.read()
    return contents


def found(names: Sequence[str], directory: Path | None = None) -> str | None:
    """Look for a program, among the installed ones or in a directory."""
    return next((path for name in names if (path := shutil.which(name, path=directory))), None)


def program(names: Sequence[str], directory: Path | None = None) -> str:
    """Find a program, which must be there."""
    path = found(names, directory)
    assert path, f"no {names[0]}"
    return path


def alerting(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command that writes routes and exceptions."""
    command = [sys.executable, "-m", "alerting", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@contextmanager
def running(
    command: Sequence[str],
    url: str,
    ready: str = "/-/ready",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Run a server until it is no longer needed."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd, env=env)
    try:
        end = time.monotonic() + TIMEOUT_SECONDS
        while not _answers(f"{url}{ready}"):
            assert process.poll() is None, f"{command[0]} ended"
            assert time.monotonic() < end, f"{command[0]} does not get ready"
        yield
    finally:
        process.terminate()
        process.wait(timeout=TIMEOUT_SECONDS)


def _answers(url: str) -> bool:
    try:
        call(url)
    except OSError:
        return False
    return True


class Inbox:
    """A webhook in place of every receiver; the path names the receiver."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.arrived: queue.Queue[tuple[str, Notification]] = queue.Queue()
        self.told: list[Notification] = []  # everything so far, to whomever, and when it was `heard`
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            """Put every notification in the queue."""

            def do_POST(self) -> None:
                """Take one notification."""
                notification = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                notification["heard"] = time.monotonic()
                inbox.told.append(notification)
                inbox.arrived.put((self.path.strip("/"), notification))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def until(
        self, done: Callable[[dict[str, list[Notification]]], object], within: float = TIMEOUT_SECONDS
    ) -> dict[str, list[Notification]]:
        """Collect notifications by receiver until `done` says so."""
        end = time.monotonic() + within
        received: dict[str, list[Notification]] = {}
        while not done(received):
            receiver, notification = self.arrived.get(timeout=max(end - time.monotonic(), 0.001))
            received.setdefault(receiver, []).append(notification)
        return received


@contextmanager
def listening() -> Iterator[Inbox]:
    """Listen for notifications."""
    inbox = Inbox()
    thread = threading.Thread(target=inbox.server.serve_forever)
    thread.start()
    try:
        yield inbox
    finally:
        inbox.server.shutdown()
        thread.join()
        inbox.server.server_close()


class Alertmanager:
    """A running Alertmanager."""

    def __init__(self, url: str) -> None:
        """Remember where it is."""
        self.url = url

    def post(self, *alerts: dict[str, str], ended: bool = False) -> None:
        """Hand in alerts, as Prometheus would."""
        now = datetime.now(UTC).isoformat()
        times = {"startsAt": now} | ({"endsAt": now} if ended else {})
        call(f"{self.url}/api/v2/alerts", json.dumps([{"labels": labels, **times} for labels in alerts]).encode())

    def suppressed(self) -> set[tuple[str, str]]:
        """Name and priority of every inhibited alert."""
        held = [alert["labels"] for alert in self.alerts() if alert["status"]["state"] == "suppressed"]
        return {(labels["alertname"], labels["priority"]) for labels in held}

    def alerts(self) -> list[dict[str, Any]]:
        """Every firing alert, inhibited or not, with its receivers."""
        return list(json.loads(call(f"{self.url}/api/v2/alerts?inhibited=true")))


@contextmanager
def alertmanager(
    directory: Path,
    inbox: Inbox,
    timing: dict[str, str] | None = None,
    programs: Path | None = None,
    shipped: Path = CONFIGURATION,
) -> Iterator[Alertmanager]:
    """Run Alertmanager with the shipped routes and inhibitions, everything sent to the inbox, at any hour.

    `timing` replaces what every route says about waiting; without it the shipped settings hold. `shipped` is another
    configuration than that of `alerts/`.
    """
    config = directory / "alertmanager.yml"
    config.write_text(yaml.safe_dump(_loopback(yaml.safe_load(shipped.read_text("utf-8")), inbox.url, timing or {})))
    address = f"127.0.0.1:{free_port()}"
    command = [
        program(ALERTMANAGER, programs),
        f"--config.file={config}",
        f"--storage.path={directory / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with running(command, f"http://{address}"):
        yield Alertmanager(f"http://{address}")


def _loopback(config: dict[str, Any], inbox: str, timing: dict[str, str]) -> dict[str, Any]:
    names = [receiver["name"] for receiver in config["receivers"] if len(receiver) > 1]
    silent = [receiver for receiver in config["receivers"] if len(receiver) == 1]
    hooks = [{"name": name, "webhook_configs": [{"url": f"{inbox}/{name}", "send_resolved": True}]} for name in names]

    def at_any_hour(route: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in route.items() if key not in {"active_time_intervals", "routes"}}
        children = {"routes": [at_any_hour(child) for child in route["routes"]]} if "routes" in route else {}
        return kept | timing | children

    return {
        "route": at_any_hour(config["route"]),
        "inhibit_rules": config["inhibit_rules"],
        "receivers": [*silent, *hooks],
    }


class Prometheus:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        """Remember where it is."""
        self.url = url

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Evaluate an expression now."""
        return list(self._get("query", query=expr)["result"])

    def query_range(self, expr: str, seconds: float, step: float) -> list[dict[str, Any]]:
        """Evaluate an expression over the last so many seconds."""
        now = time.time()
        times = {"start": str(now - seconds), "end": str(now), "step": str(step)}
        return list(self._get("query_range", query=expr, **times)["result"])

    def label_values(self, label: str, selector: str) -> list[str]:
        """Find every value of a label."""
        return list(self._get(f"label/{label}/values", **{"match[]": selector}))

    def exemplars(self, expr: str) -> list[dict[str, Any]]:
        """Find the exemplars of the last ten minutes."""
        now = time.time()
        found = self._get("query_exemplars", query=expr, start=str(now - 600), end=str(now))
        return list(found)

    def failing_rules(self) -> list[str]:
        """Name the rules whose last evaluation failed."""
        groups = self._get("rules")["groups"]
        return [
            f"{rule['name']}: {rule['lastError']}" for g in groups for rule in g["rules"] if rule["health"] == "err"
        ]

    def until(self, expr: str, within: float) -> list[dict[str, Any]]:
        """Wait until an expression has a result."""
        end = time.monotonic() + within
        pause = threading.Event()
        while not (result := self.query(expr)):
            assert time.monotonic() < end, f"no result within {within} s: {expr}"
            pause.wait(0.5)
        return result

    def _get(self, what: str, **parameters: str) -> Any:  # noqa: ANN401 - whatever the API says
        answer = call(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}")
        return json.loads(answer)["data"]


@dataclass(frozen=True)
class Settings:
    """How a Prometheus is run: every rule of the fleet at the usual pace, by the installed program."""

    scrape_interval: str = "15s"
    rules: Path = ALERTS / "rules"
    programs: Path | None = None


SHIPPED = Settings()


@contextmanager
def prometheus(
    directory: Path,
    targets: Mapping[str, Mapping[str, str]],
    sends_to: Alertmanager | None = None,
    settings: Settings = SHIPPED,
) -> Iterator[Prometheus]:
    """Run Prometheus with the shipped rules; `targets` are addresses with their labels. It scrapes itself, too."""
    config = directory / "prometheus.yml"
    itself = f"127.0.0.1:{free_port()}"
    static = [{"targets": [address], "labels": dict(labels)} for address, labels in targets.items()]
    receivers = [sends_to.url.removeprefix("http://")] if sends_to else []
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": settings.scrape_interval},
                "rule_files": [f"{settings.rules}/*.rules.yml"],
                "scrape_configs": [
                    {"job_name": "services", "sample_limit": SAMPLE_LIMIT, "static_configs": static},
                    {"job_name": "prometheus", "static_configs": [{"targets": [itself]}]},
                ],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": receivers}]}]},
            }
        )
    )
    command = [
        program(PROMETHEUS, settings.programs),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'prometheus'}",
        f"--web.listen-address={itself}",
        "--enable-feature=exemplar-storage,extra-scrape-metrics",
    ]
    with running(command, f"http://{itself}"):
        yield Prometheus(f"http://{itself}")


def render(
    template: str,
    notification: Notification,
    directory: Path,
    templates: Path = TEMPLATES,
    programs: Path | None = None,
) -> str:
    """The notification's text, from the shipped templates. A webhook gets the same data as a template."""
    data = directory / "notification.json"
    data.write_text(json.dumps(notification))
    amtool = program(AMTOOL, programs)
    command = [amtool, "template", "render", f"--template.glob={templates}/*.tmpl", f"--template.data={data}"]
    text = f'{{{{ template "{template}" . }}}}'
    run = subprocess.run([*command, f"--template.text={text}"], check=True, capture_output=True, text=True)
    return run.stdout.strip()
