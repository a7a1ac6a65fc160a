"""The service as a separate process, whose log lines are read while it runs."""

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

TIMEOUT_SECONDS = 20.0  # for each wait; long, because only a failing test waits so long
DEFAULTS = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}

Line = dict[str, Any]


class ServiceProcess:
    """A service process. Tests can wait for its log lines, send requests to both ports, and end it.

    Every wait is limited to `TIMEOUT_SECONDS`.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], without: Collection[str] = ()) -> None:
        """Start `python <command>` on free ports. It does not inherit the variables named in `without`."""
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
        """Wait until it serves, and set `url` and `management_url`. Raises `AssertionError` after the timeout."""
        line = self.wait_for("service.started")
        self.url = f"http://127.0.0.1:{line['port']}"
        self.management_url = f"http://127.0.0.1:{line['management_port']}"
        return self

    def wait_for(self, event: str, **fields: object) -> Line:
        """Wait for the first line of this event with these fields. Raises `AssertionError` after the timeout."""

        def found() -> Line | None:
            matches = (line for line in self.lines if line["event"] == event and fields.items() <= line.items())
            return next(matches, None)

        with self._arrived:
            line = self._arrived.wait_for(found, TIMEOUT_SECONDS)
        assert line is not None, f"no {event} {fields} in {self.lines} {self.error if self.ended else ''}"
        return line

    def get(self, path: str, **arguments: Any) -> "httpx2.Response":
        """GET a path on the service port. `arguments` are those of `httpx2.get`."""
        return self._get(self.url + path, arguments)

    def manage(self, path: str, **arguments: Any) -> "httpx2.Response":
        """GET a path on the management port. `arguments` are those of `httpx2.get`."""
        return self._get(self.management_url + path, arguments)

    def terminate(self) -> int:
        """Send SIGTERM and wait for the end. Returns the exit status.

        Raises `subprocess.TimeoutExpired`.
        """
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and the last line. Returns the exit status. Raises `subprocess.TimeoutExpired`."""
        status = self.process.wait(TIMEOUT_SECONDS)
        self._reader.join(TIMEOUT_SECONDS)
        return status

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    @property
    def error(self) -> str:
        """The standard error of an ended process. Blocks while the process runs."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def close(self) -> None:
        """Kill the process if it runs, and close its streams."""
        if not self.ended:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def _get(self, url: str, arguments: dict[str, Any]) -> "httpx2.Response":
        import httpx2  # noqa: PLC0415 - only tests that send requests need it

        return httpx2.get(url, timeout=TIMEOUT_SECONDS, **arguments)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            with self._arrived:
                self.lines.append(json.loads(raw))
                self._arrived.notify_all()
