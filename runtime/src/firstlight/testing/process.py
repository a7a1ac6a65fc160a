"""The service as a process of its own, with its log lines read as they come."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import httpx2

TIMEOUT_SECONDS = 20.0  # for anything that a test waits for: long, because only a failure takes it
DEFAULTS = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}

Line = dict[str, Any]


class ServiceProcess:
    """A running service. A test can wait for a log line, ask either port, and end it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], without: Collection[str] = ()) -> None:
        """Start `python <command>` on free ports; variables `without` which it is to run are not inherited."""
        inherited = {k: v for k, v in os.environ.items() if k not in without and not k.startswith("OTEL_")}
        self.process = subprocess.Popen(  # noqa: S603 - the service under test
            [sys.executable, *command],
            env={**inherited, **DEFAULTS, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[Line] = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def started(self) -> Self:
        """Wait until it serves."""
        line = self.wait_for("service.started")
        self.url = f"http://127.0.0.1:{line['port']}"
        self.management_url = f"http://127.0.0.1:{line['management_port']}"
        return self

    def wait_for(self, event: str, **fields: object) -> Line:
        """The first line of this event with these fields, waiting for it if need be."""

        def found() -> Line | None:
            matches = (line for line in self.lines if line["event"] == event and fields.items() <= line.items())
            return next(matches, None)

        with self._arrived:
            line = self._arrived.wait_for(found, TIMEOUT_SECONDS)
        assert line is not None, f"no {event} {fields} in {self.lines} {self.error if self.ended else ''}"
        return line

    def get(self, path: str, **arguments: Any) -> "httpx2.Response":
        """Send one request to the service port."""
        return self._get(self.url + path, arguments)

    def manage(self, path: str, **arguments: Any) -> "httpx2.Response":
        """Send one request to the management port."""
        return self._get(self.management_url + path, arguments)

    def terminate(self) -> int:
        """Send SIGTERM and wait for the end. Returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and for the last line. Returns the exit status."""
        status = self.process.wait(TIMEOUT_SECONDS)
        self._reader.join(TIMEOUT_SECONDS)
        return status

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    @property
    def error(self) -> str:
        """What an ended process wrote to standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def close(self) -> None:
        """Leave nothing behind."""
        if not self.ended:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def _get(self, url: str, arguments: dict[str, Any]) -> "httpx2.Response":
        import httpx2  # noqa: PLC0415 - only tests that ask need it

        return httpx2.get(url, timeout=TIMEOUT_SECONDS, **arguments)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            with self._arrived:
                self.lines.append(json.loads(raw))
                self._arrived.notify_all()
