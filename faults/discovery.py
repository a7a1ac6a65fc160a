"""Rows: instances, or what knows them, are lost."""

from .expectations import counted, grows_by, holds, no_error_lines, saw_only
from .row import Expectation, Row
from .trial import Trial

NOBODY = "127.0.0.1:1"
LOOKUPS = "http_client_lookups_total"
SOON = {"HTTP_CLIENT_DISCOVERY_SECONDS": "1"}


async def ask_some(trial: Trial) -> None:
    """Requests that ask the dependency, one after the other."""
    for _ in range(trial.size):
        await trial.get("/ask/it")


async def ask_when_lookups_fail(trial: Trial) -> None:
    """The same, as soon as a lookup has failed."""

    async def has_failed() -> bool:
        return (await trial.scrape()).sum(LOOKUPS, outcome="failed") > trial.before.sum(LOOKUPS, outcome="failed")

    await trial.until(has_failed)
    await ask_some(trial)


def said(event: str, text: str) -> Expectation:
    """A line of an event, also from the start, that holds a text."""
    return holds(
        f"a line {event} with {text!r}",
        lambda trial: [line["event"] for line in trial.service.lines],
        lambda trial: any(line["event"] == event and text in str(line) for line in trial.service.lines),
    )


ROWS = [
    Row(
        name="one instance of two is down",
        item=5,
        sent="{size} requests that ask a dependency with two instances, one where nobody listens",
        send=ask_some,
        expect=[
            saw_only("200"),
            counted("http_client_ejections_total", dependency="it"),
            counted("http_client_retries_total", 5, dependency="it", reason="not_connected"),
            no_error_lines(),
            grows_by(),
        ],
        short=40,
        settings={"HTTP_CLIENT_DEPENDENCIES": f"it={{outside}}|http://{NOBODY}"},
    ),
    Row(
        name="Consul fails",
        item=5,
        sent="{size} requests that ask a dependency; Consul named its instance once, and answers 500 since",
        send=ask_when_lookups_fail,
        expect=[saw_only("200"), said("http_client.lookup_failed", "500"), no_error_lines(), grows_by()],
        short=10,
        settings={**SOON, "HTTP_CLIENT_DEPENDENCIES": "it=consul://127.0.0.1:{port}/it"},
    ),
    Row(
        name="no DNS server",
        item=5,
        sent="{size} requests that ask a dependency whose DNS server is not there",
        send=ask_some,
        expect=[saw_only("503"), said("http_client.lookup_failed", "'known': 0"), grows_by()],
        short=3,
        settings={**SOON, "HTTP_CLIENT_DEPENDENCIES": f"it=dns://it.example:8000?server={NOBODY}"},
    ),
    Row(
        name="no agent to register with",
        item=5,
        sent="{size} requests to a service that should register with an agent of Consul where nobody listens",
        send=ask_some,
        expect=[
            saw_only("200"),
            said("http_client.registration_failed", "Consul gave no answer"),
            no_error_lines(),
        ],
        short=3,
        settings={
            "HTTP_CLIENT_DEPENDENCIES": "it={outside}",
            "HTTP_CLIENT_REGISTRATION": f"consul://{NOBODY}/links?port=8000",
        },
    ),
]
