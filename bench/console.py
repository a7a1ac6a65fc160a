"""The development console: what it costs the service while its page is open."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import median
from typing import Self

from .machine import is_busy
from .report import WORDS, Row, Section, estimate
from .rig import LOOPBACK, Rig, Server
from .variants import CONSOLE_OFF, CONSOLE_ON, CONSOLE_TOKEN

RATE = 500.0
REQUESTS = 6_000  # of a round, to each server
WARM_UP_REQUESTS = 3_000  # the rings are full
MOST_PERCENT = 2.0
API = "/console/api/v1/"
# What the overview asks: each second, and each other second.
EVERY_SECOND = ("requests?errors=1&limit=8",)
EVERY_OTHER_SECOND = ("alerts", "budget", "state")
METHOD = (
    f"The whole service, without an exporter, with the console off and on. Both get {RATE:.0f} requests a second at "
    f"the same time, {REQUESTS:,} a round, so that others on the machine disturb both alike; the overview asks the "
    "second one. Figure: user and system time of the process, all its threads included, in per cent of one core; "
    "medians over the rounds. The difference is computed within each round, with the interval that holds the true one "
    "in 95 cases of 100."
)


def measure(rig: Rig) -> Section:
    """Both at once, in each round."""
    with rig.start(CONSOLE_OFF) as off, rig.start(CONSOLE_ON) as on:
        for server in (off, on):
            rig.ready(server)
            rig.send(server, rig.amounts.of(WARM_UP_REQUESTS))
        rounds = [_round(rig, off, on) for _ in range(rig.amounts.rounds)]
    without, with_page = (median(each) for each in zip(*rounds, strict=True))
    added = estimate([each[1] - each[0] for each in rounds])
    met = WORDS[None if is_busy() else added.median <= MOST_PERCENT]
    rows: list[Row] = [
        ("off", f"{without:.1f}", "-"),
        ("on, the overview open", f"{with_page:.1f}", "-"),
        ("**added**", added.text(1), met),
    ]
    head = (f"At {RATE:.0f} requests/s", "% of one core", f"at most {MOST_PERCENT:g}")
    return Section("Console", rig.environments.setting, parts=[Section("Cost of the page", METHOD, head, rows)])


def _round(rig: Rig, off: Server, on: Server) -> tuple[float, float]:
    """Per cent of one core of both."""
    count = rig.amounts.of(REQUESTS)
    with Page(on):
        before, began = (off.cpu_seconds, on.cpu_seconds), time.perf_counter()
        with ThreadPoolExecutor() as pool:
            loads = [pool.submit(rig.send, each, count, rate=RATE) for each in (off, on)]
        for load in loads:
            load.result()
        seconds = time.perf_counter() - began
        used = off.cpu_seconds - before[0], on.cpu_seconds - before[1]
    return used[0] / seconds * 100, used[1] / seconds * 100


class Page:
    """Asks what the overview of the page asks, for the length of a block, over one connection as a browser does."""

    def __init__(self, server: Server) -> None:
        """Nothing asked yet."""
        self._server = server
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        """Begin."""
        self._asking = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop. Raises `FailedError` if something was not answered."""
        self._stop.set()
        self._pool.shutdown()
        self._asking.result()

    def _run(self) -> None:
        newest, number = 0.0, 0
        with closing(HTTPConnection(LOOPBACK, self._server.management_port, timeout=10)) as connection:
            while not self._stop.wait(1):
                points = json.loads(self._ask(connection, f"signals?since={newest}"))["points"]
                newest = points[-1]["t"] if points else newest
                number += 1
                for twin in (*EVERY_SECOND, *(EVERY_OTHER_SECOND if number % 2 else ())):
                    self._ask(connection, twin)

    def _ask(self, connection: HTTPConnection, twin: str) -> str:
        connection.request("GET", API + twin, headers={"authorization": f"Bearer {CONSOLE_TOKEN}"})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != HTTPStatus.OK:
            reason = f"answered {response.status} to {twin}: {text}"
            raise self._server.failure(reason)
        return text
