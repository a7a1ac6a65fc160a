# mypy: disable-error-code="import-not-found"
"""Calls of the database in a service: `GET /calls/{way}/{count}` answers when so many calls have been made.

Eight tasks make the calls, as requests at the same time do. Of ten calls one belongs to a sampled trace.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from acme_links.service import SERVICE as EMITTED
from firstlight import Component, NoSettings, Surroundings, main
from firstlight.components.database import DATABASE
from firstlight.components.database.request_statements import CURRENT, RequestStatements
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from .database_ways import Way, opened

TASKS = 8
SAMPLED_OF = 10
SPANS = [
    NonRecordingSpan(SpanContext(trace_id=1, span_id=1, is_remote=True, trace_flags=TraceFlags(sampled)))
    for sampled in (1, *[0] * (SAMPLED_OF - 1))
]


@asynccontextmanager
async def _open(surroundings: Surroundings[Any]) -> AsyncIterator[dict[str, Way]]:
    async with opened(DATABASE.of(surroundings)) as ways:
        yield dict(ways)


WAYS = Component(name="ways", settings=NoSettings, open=_open, requires=("database",))


async def calls(request: Request) -> PlainTextResponse:
    """Make the calls."""
    count = int(request.path_params["count"])
    way = WAYS.of(request)[request.path_params["way"]]
    numbers = iter(range(count))

    async def work() -> None:
        CURRENT.set(RequestStatements())
        for number in numbers:
            with trace.use_span(SPANS[number % SAMPLED_OF]):
                await way(number)

    await asyncio.gather(*(work() for _ in range(TASKS)))
    return PlainTextResponse("made")


if __name__ == "__main__":
    service = replace(
        EMITTED,
        components=[DATABASE, WAYS],
        routes=[Route("/calls/{way}/{count:int}", calls)],
        latency={},
    )
    sys.exit(main(service))
