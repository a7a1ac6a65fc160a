"""The console of the demo's service, asked as its own page asks it."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .traffic import Answer, request

API = "/console/api/v1/"
PATIENCE_SECONDS = 15.0
POLL_SECONDS = 0.2
ANSWERED = 200

Found = TypeVar("Found")


class ConsoleError(Exception):
    """What the console did not do, as a sentence."""


class ConsoleClient:
    """Reads twins and presses buttons."""

    def __init__(self, port: int, token: str) -> None:
        """Log in to the console on the management port."""
        self._port = port
        self.login = f"http://127.0.0.1:{port}/console/login?token={token}"
        answer = request(port, "GET", f"/console/login?token={token}")
        cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        self._headers = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{port}", "X-Console": "1"}

    def read(self, twin: str) -> Mapping[str, Any]:
        """What a twin says. Raises `ConsoleError`."""
        return self._said(twin, request(self._port, "GET", f"{API}{twin}", headers=self._headers))

    def press(self, action: str) -> str:
        """Press a button of the demo, and wait until it is done. Returns what it says. Raises `ConsoleError`."""
        twin = f"components/demo/{action}"
        answer = request(self._port, "POST", f"{API}{twin}", {}, self._headers)
        return str(self._said(twin, answer)["text"])

    def wait_for(self, twin: str, wanted: Callable[[Mapping[str, Any]], Found | None]) -> Found | None:
        """Read a twin until `wanted` finds something in it, for some seconds at most."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := wanted(self.read(twin))) is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return found

    def _said(self, twin: str, answer: Answer) -> Mapping[str, Any]:
        if answer.status != ANSWERED:
            msg = f"the console answered {twin} with status {answer.status}: {answer.body.decode()[:200]}"
            raise ConsoleError(msg)
        found: Mapping[str, Any] = json.loads(answer.body)
        return found
