"""The service of the demo, generated, installed and run by the commands in the README."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.ports import free_port

from .collector import Collector
from .console_client import ConsoleClient

BUILD = Path("build/demo")
PROGRAM = Path(__file__).with_name("program.py")
SLUG = "acme-links"
PACKAGE = "acme_links"
START_SECONDS = 30
STOP_SECONDS = 60
PORTS = {"PORT": 8000, "MANAGEMENT_PORT": 9464}
CONSOLE_FOLDER = ".cache/console"  # where `make look` in the service's folder looks
ANNOUNCED = "console: "  # the start of the line in which the service says where its console is; the page says it later

Line = dict[str, Any]


class DemoError(Exception):
    """Why the demo cannot continue, in one sentence."""


def generate(build: Path = BUILD) -> Path:
    """Generate a new service that calls another one; the other answers are the default."""
    command = [sys.executable, "-m", "cookiecutter", ".", "--no-input", "--output-dir", str(build)]
    _run([*command, "--overwrite-if-exists", "components=http_client"], "generate the service")
    return build / SLUG


def install(directory: Path) -> None:
    """Create the service's own environment, as `make run` would."""
    _run(["uv", "sync", "--quiet", "--project", str(directory)], "install the service")


class Service:
    """The running service, with routes that fail on demand."""

    def __init__(self, directory: Path) -> None:
        """Start it on the usual ports, or on free ones where those are taken."""
        self._collector = Collector()
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": self._collector.url, **os.environ}
        environment.pop("VIRTUAL_ENV", None)
        environment |= {"LOG_FORMAT": "json"} | {name: str(_free(port)) for name, port in PORTS.items()}
        token = secrets.token_hex(16)
        folder = str(directory.resolve() / CONSOLE_FOLDER)
        environment |= {"CONSOLE": "true", "CONSOLE_TOKEN": token, "FIRSTLIGHT_CONSOLE_FOLDER": folder}
        self.lines: list[Line] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            [directory.resolve() / ".venv/bin/python", "-P", PROGRAM, PACKAGE],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C must reach this process only, which then sends SIGTERM to the service
        )
        for read in (self._read, self._pass_on):
            threading.Thread(target=read, daemon=True).start()
        started = self.wait_for("service.started")
        self.port: int = started["port"]
        self.management_port: int = started["management_port"]
        self.console = ConsoleClient(self.management_port, token)

    def wait_for(self, event: str, **fields: object) -> Line:
        """The first log line of this event with these fields. Raises `DemoError` if it does not come."""

        def found() -> Line | None:
            matches = (line for line in self.lines if line["event"] == event and fields.items() <= line.items())
            return next(matches, None)

        with self._news:
            line = self._news.wait_for(found, START_SECONDS)
        if line is None:
            msg = f"the service did not log {event} within {START_SECONDS} s; its last lines: {self.lines[-3:]}"
            raise DemoError(msg)
        return line

    def wait(self, seconds: float | None) -> None:
        """Serve for `seconds`. Raises `DemoError` when the service ends before."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            msg = f"the service ended by itself with exit status {self._process.returncode}"
            raise DemoError(msg)

    def stop(self) -> int:
        """Send SIGTERM and wait for the drain. Returns the exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except BaseException:  # a second Ctrl-C: end it at once
            self._process.kill()
            raise
        finally:
            self._collector.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            with self._news:
                self.lines.append(json.loads(raw))
                self._news.notify_all()

    def _pass_on(self) -> None:
        """Show what the service says to people."""
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            line = raw.decode(errors="replace")
            if not line.startswith(ANNOUNCED):
                sys.stderr.write(line)


def _free(port: int) -> int:
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return port
    return free_port()


def _run(command: list[str], purpose: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"could not {purpose}: {' '.join(command)} said\n{done.stdout}{done.stderr}"
        raise DemoError(msg)
