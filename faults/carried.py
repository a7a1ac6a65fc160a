"""Rows: the content of log lines and spans, hostile values in logging calls, and the first failures."""

import asyncio

from .expectations import counted, exists, holds, logged, saw, saw_only
from .row import Row
from .trial import Trial

FINISHED, FAILED = "http.request_finished", "http.request_failed"
FAIL = "/faults/fail"
FIRST_FAILURES = 100


async def bind(trial: Trial) -> None:
    """A request whose handler binds a field."""
    await trial.get("/faults/bind?tenant=acme")


async def fail(trial: Trial) -> None:
    """Requests that fail, all at once."""
    await asyncio.gather(*(trial.get(FAIL) for _ in range(trial.size)))


async def log_hostile(trial: Trial) -> None:
    """A request whose handler logs everything that is hard to log."""
    await trial.get("/hostile")


def _has_exception_event(trial: Trial) -> bool:
    return any(b"exception.stacktrace" in body for body in trial.outside.bodies("/v1/traces"))


ROWS = [
    Row(
        name="bound field",
        item=14,
        sent="a request whose handler binds `tenant`",
        send=bind,
        expect=[saw_only("200"), logged(FINISHED, tenant="acme", http_route="/faults/bind")],
    ),
    Row(
        name="failed request",
        item=14,
        sent="a request that fails; a collector takes its span",
        send=fail,
        expect=[
            saw_only("500"),
            logged(FAILED, http_route=FAIL, http_response_status_code=500, error_type="RuntimeError"),
            holds("the exception as an event of the span", lambda _: "a span without it", _has_exception_event),
        ],
        settings={"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_EXPORTER_OTLP_ENDPOINT": "{outside}/ok"},
    ),
    Row(
        name="hostile log values",
        item=15,
        sent="values that raise when they are shown, as fields, keys, arguments and bound values",
        send=log_hostile,
        expect=[
            saw_only("200"),
            logged("fault.logged", 14, 200),
            counted("http_server_active_requests", 0, 0),
            counted("unhandled_errors_total", 0, 0),
        ],
        alone=True,
    ),
    Row(
        name="first failures",
        item=16,
        sent="{size} failures at once, in a service that had none",
        send=fail,
        expect=[
            saw("500", FIRST_FAILURES, FIRST_FAILURES),
            exists("slo_events_total", slo="availability", outcome="bad"),
            counted("slo_events_total", FIRST_FAILURES, FIRST_FAILURES, slo="availability", outcome="bad"),
        ],
        short=FIRST_FAILURES,
        settings={"SHED_SECONDS": "0"},
    ),
]
