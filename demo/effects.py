# mypy: disable-error-code="import-not-found,misc,unused-ignore"
"""The buttons of the demo on the console: faults that a service can have, each limited in number and time."""

import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from firstlight import Action, Component, NoSettings, Section, Surroundings
from firstlight.components.http_client import HTTP_CLIENT
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .load import Load
from .partner import Partner

PARTNER = "prices"  # the name of the dependency
LOST_SECONDS = 20.0
POLL_SECONDS = 0.1
PROGRAM = Path(__file__).with_name("load.py")

FAIL = Load("/faults/fail", number=40, clients=4, seconds=10)
SLOW = Load("/faults/slow?seconds=0.4", number=60, clients=12, seconds=10)
BLOCK = Load("/faults/block?seconds=1", number=12, clients=1, seconds=20)
FLOOD = Load("/faults/burn", number=3000, clients=200, seconds=8)
CALLS = Load("/demo/price", number=200, clients=2, seconds=LOST_SECONDS, pause=0.4)


async def price(request: Request) -> Response:
    """Ask the partner."""
    answer = await HTTP_CLIENT.of(request)[PARTNER].get("/price")
    return JSONResponse(answer.json())


class Effects:
    """What the buttons do to the service on `port`, and to its partner."""

    def __init__(self, port: int, partner: Partner) -> None:
        """Nothing is done yet."""
        self._port = port
        self._partner = partner

    def section(self) -> Section:
        """The section of the console."""
        send = self._send
        actions = {
            "fail": Action("Fail", partial(send, FAIL), "40 requests whose handler raises an exception."),
            "slow": Action("Slow", partial(send, SLOW), "60 requests of 0.4 s; the objective is 0.25 s."),
            "block": Action("Block", partial(send, BLOCK), "12 requests that block the event loop for 1 s each."),
            "flood": Action("Flood", partial(send, FLOOD), "200 clients at once for 8 s; each request costs 20 ms."),
            "lose": Action(
                "Lose a dependency", self._lose, f"A service that this one calls hangs up, {LOST_SECONDS:g} s."
            ),
        }
        return Section("Demo", self._read, actions)

    def _read(self) -> Mapping[str, Any]:
        return {"values": {f"dependency {PARTNER}": "lost" if self._partner.is_lost else "answers"}}

    def _send(self, load: Load, ended: threading.Event) -> str:
        command = [sys.executable, "-P", str(PROGRAM), *load.arguments(self._port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            while process.poll() is None:
                if ended.wait(POLL_SECONDS):
                    process.terminate()
            assert process.stdout is not None
            return process.stdout.read().strip() or "It was ended."

    def _lose(self, ended: threading.Event) -> str:
        self._partner.lose()
        try:
            said = self._send(CALLS, ended)
        finally:
            self._partner.find()
        return f"{PARTNER} is back. Meanwhile: {said}"


def component(partner: Partner) -> Component[NoSettings, Effects]:
    """The component that offers the buttons and has the route that calls the partner."""

    @asynccontextmanager
    async def effects(surroundings: Surroundings[NoSettings]) -> AsyncIterator[Effects]:
        yield Effects(surroundings.service.port, partner)

    return Component(
        name="demo",
        settings=NoSettings,
        open=effects,
        requires=[HTTP_CLIENT.name],
        routes=[Route("/demo/price", price)],
        console=Effects.section,
    )
