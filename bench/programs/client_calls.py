# mypy: disable-error-code="import-not-found"
"""Calls of another service: `GET /calls/{way}/{count}` answers when so many calls have been made.

Eight tasks make the calls, as requests at the same time do. Of ten calls one belongs to a sampled trace.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
from acme_links.service import SERVICE as EMITTED
from firstlight import Component, NoSettings, Surroundings, main
from firstlight.components.http_client import HTTP_CLIENT
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

TASKS = 8
SAMPLED_OF = 10
SECONDS = 60  # as many timers as by default, and enough under valgrind
SPANS = [
    NonRecordingSpan(SpanContext(trace_id=1, span_id=1, is_remote=True, trace_flags=TraceFlags(sampled)))
    for sampled in (1, *[0] * (SAMPLED_OF - 1))
]
BODY = {"url": "https://example.com/"}


@asynccontextmanager
async def _open(surroundings: Surroundings[Any]) -> AsyncIterator[dict[str, httpx2.AsyncClient]]:
    component = HTTP_CLIENT.of(surroundings)["screening"]
    async with httpx2.AsyncClient(base_url=component.base_url, trust_env=False, timeout=SECONDS) as bare:
        yield {"bare": bare, "component": component}


WAYS = Component(name="ways", settings=NoSettings, open=_open, requires=("http_client",))


async def calls(request: Request) -> PlainTextResponse:
    """Make the calls."""
    client = WAYS.of(request)[request.path_params["way"]]
    numbers = iter(range(int(request.path_params["count"])))

    async def work() -> None:
        for number in numbers:
            with trace.use_span(SPANS[number % SAMPLED_OF]):
                response = await client.post("/v1/verdicts", json=BODY)
                response.raise_for_status()

    await asyncio.gather(*(work() for _ in range(TASKS)))
    return PlainTextResponse("made")


if __name__ == "__main__":
    service = replace(
        EMITTED,
        components=[HTTP_CLIENT, WAYS],
        routes=[Route("/calls/{way}/{count:int}", calls)],
        latency={},
    )
    sys.exit(main(service))
