"""Rows: losses that must be counted: bodies, refused requests, spans that a collector refuses."""

import json

from .expectations import counted, grows_by, logged, number, refused, saw_only
from .row import Row
from .trial import Trial
from .wire import head, post

SOON = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
H2C = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2_settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
MALFORMED = b"GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n"


async def offer_h2c(trial: Trial) -> None:
    """Bodies with an offer to change to HTTP/2, as curl and the JDK make it."""
    for number_ in range(trial.size):
        body = json.dumps({"url": f"https://example.com/{number_}", "slug": f"h2c-{number_}"}).encode()
        await trial.send(post("/api/v1/links", body, **H2C))


async def send_malformed(trial: Trial) -> None:
    """Requests that are none."""
    for _ in range(trial.size):
        if not (await trial.send(MALFORMED)).status:
            return


async def offer_another_protocol(trial: Trial) -> None:
    """An offer that nobody takes; the request is answered nevertheless."""
    for _ in range(trial.size):
        await trial.send(head("/faults/none", connection="Upgrade", upgrade="other/1"))


async def send_requests(trial: Trial) -> None:
    """Requests whose spans are exported."""
    for _ in range(trial.size):
        await trial.get("/faults/none")


def _collector(name: str, how: str, sent: str, *labels: str) -> Row:
    reasons = dict(zip(("signal", "reason"), ("traces", *labels), strict=False))
    elsewhere = number("requests to where it redirects", lambda trial: len(trial.outside.bodies("/elsewhere")), 0, 0)
    return Row(
        name=name,
        item=13,
        sent=sent,
        send=send_requests,
        expect=[saw_only("200"), counted("telemetry_dropped_total", **reasons), elsewhere],
        short=5,
        settings={**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": f"{{outside}}/{how}"},
    )


ROWS = [
    Row(
        name="h2c offer",
        item=12,
        sent="{size} bodies with an offer of HTTP/2",
        send=offer_h2c,
        expect=[saw_only("201"), counted("links_created_total", 5, 5), *refused("upgrade_refused")],
        short=5,
    ),
    Row(
        name="malformed requests",
        item=13,
        sent="{size} malformed requests",
        send=send_malformed,
        expect=[
            saw_only("400"),
            counted("http_server_refusals_total", 200, 200, listener="service", reason="malformed"),
            logged("http.connection_refused", 1, 2, reason="malformed", client_address="127.0.0.1"),
            grows_by(),
        ],
        short=200,
    ),
    Row(
        name="unknown protocol",
        item=13,
        sent="{size} requests that offer another protocol",
        send=offer_another_protocol,
        expect=[saw_only("200"), *refused("upgrade_refused")],
        short=20,
    ),
    _collector("collector redirects", "redirect", "{size} requests; the collector answers 302"),
    _collector(
        "collector refuses a part", "partial", "{size} requests; the collector takes a part of them", "rejected"
    ),
]
