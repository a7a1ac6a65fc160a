"""The traffic of the demo: ordinary requests, slow ones and a failing one, over real sockets."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import NamedTuple

GOOD = 400
LOST = 3
SLOW_SECONDS = 0.4  # above the default latency threshold of 0.25 s
STEP_SECONDS = 0.1  # of the steady traffic
STEADY = ("/api/v1/links", "/r/demo-1", "/r/demo-2", "/demo/price", "/api/v1/links/demo-3")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(port: int, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    """Send one request to this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        payload = None if body is None else json.dumps(body)
        media_type = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, payload, media_type | (headers or {}))
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def drive(port: int) -> Answer:
    """Send the traffic. Returns the response of the failed request, whose ids are in its log lines."""
    for number in range(GOOD // 2):
        request(port, "POST", "/api/v1/links", {"url": f"https://example.com/{number}", "slug": f"demo-{number}"})
        request(port, "GET", f"/r/demo-{number}")
    for number in range(LOST):
        request(port, "GET", f"/r/nobody-{number}")
    request(port, "GET", "/nowhere")
    request(port, "GET", f"/faults/slow?seconds={SLOW_SECONDS}")
    return request(port, "GET", "/faults/fail")


@contextmanager
def steady(port: int) -> Iterator[None]:
    """Send ordinary requests until the end of the block, about ten a second, so that every effect has a background."""
    ended = threading.Event()

    def send() -> None:
        for path in cycle(STEADY):
            if ended.wait(STEP_SECONDS):
                return
            with suppress(OSError, http.client.HTTPException):  # a button may have made it so
                request(port, "GET", path)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        yield
    finally:
        ended.set()
