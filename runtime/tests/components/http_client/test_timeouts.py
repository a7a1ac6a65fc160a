"""Timeouts of callers and callees that end in the wrong order are told at the start."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from firstlight import Operation, Service, Settings
from firstlight.app import create_app
from firstlight.components.http_client import HTTP_CLIENT, Dependency, HttpClientSettings, http_client
from firstlight.errors import SettingsError
from firstlight.testing.lines import Lines

from ...faults import IDENTITY


async def weigh(_: Request) -> Response:
    """Weigh."""
    return Response()


SLOW = Operation(method="GET", path="/slow", handler=weigh, calls=["scales"])
QUICK = Operation(method="GET", path="/quick", handler=weigh, calls=["scales"], deadline_seconds=2)
ENDLESS = Operation(method="GET", path="/endless", handler=weigh, calls=["scales"], deadline_seconds=0)
OTHER = Operation(method="GET", path="/other", handler=weigh, deadline_seconds=0.1)


def _sentences(policy: Dependency | None, *operations: Operation, handler_seconds: float = 30) -> list[str]:
    settings = HttpClientSettings(dependencies={"scales": "http://scales.example"})
    component = http_client(*([policy] if policy else []))
    assert component.contradictions is not None
    return list(component.contradictions(settings, Settings(handler_seconds=handler_seconds), operations))


def test_the_defaults_fit_together() -> None:
    """A call of 5 s in a handler of 30 s; operations that do not say what they call are not compared."""
    assert _sentences(None, SLOW, ENDLESS, OTHER) == []
    assert _sentences(Dependency("scales", total_seconds=3, callee_seconds=3), SLOW) == []


@pytest.mark.parametrize(
    ("policy", "operations", "handler_seconds", "sentence"),
    [
        (
            None,
            [QUICK, OTHER],
            30,
            (
                "a call of scales may take 5 s (HTTP_CLIENT_TIMEOUT_SECONDS), and the handler that makes it ends after "
                "2 s (deadline_seconds of GET /quick): make the call end first"
            ),
        ),
        (
            Dependency("scales", total_seconds=60),
            [],
            30,
            (
                "a call of scales may take 60 s (total_seconds of scales), and the handler that makes it ends after "
                "30 s (HANDLER_SECONDS): make the call end first"
            ),
        ),
        (
            Dependency("scales", callee_seconds=30),
            [],
            0,
            (
                "scales may take 30 s for a call that this service gives up after 5 s (HTTP_CLIENT_TIMEOUT_SECONDS): "
                "make the call wait longer, or the dependency end earlier"
            ),
        ),
        (
            Dependency("scales", total_seconds=9, read_seconds=2, callee_seconds=3),
            [],
            30,
            (
                "scales may take 3 s for a call that this service gives up after 2 s (read_seconds of scales): "
                "make the call wait longer, or the dependency end earlier"
            ),
        ),
        (
            None,
            [Operation(method="GET", path="/printed", handler=weigh, calls=["printer"])],
            30,
            "GET /printed calls printer, which HTTP_CLIENT_DEPENDENCIES does not have",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    policy: Dependency | None, operations: list[Operation], handler_seconds: float, sentence: str
) -> None:
    """That names both limits and what to change."""
    assert _sentences(policy, *operations, handler_seconds=handler_seconds) == [sentence]


def test_the_start_warns_once(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not refuse to start: the service has worked with this until now."""
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", "scales=http://scales.example")
    service = Service(identity=IDENTITY, components=[HTTP_CLIENT], routes=[QUICK, SLOW])
    create_app(Settings(), service, log_sink=lines)
    (line,) = lines.named("settings.contradiction_found")
    assert (line["level"], line["component"]) == ("warning", "http_client")
    assert "GET /quick" in line["reason"]


def test_a_declared_dependency_needs_an_address(settings: Settings, lines: Lines) -> None:
    """One that is missing would fail at its first call."""
    service: Any = Service(identity=IDENTITY, components=[http_client(Dependency("scales"))])
    with pytest.raises(
        SettingsError, match="HTTP_CLIENT_DEPENDENCIES must have the address of scales, as scales=https"
    ):
        create_app(settings, service, log_sink=lines)
