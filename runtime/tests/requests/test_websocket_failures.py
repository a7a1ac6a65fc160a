"""A websocket whose handler fails, before and after it is accepted: one line, one count, one report, with the ids."""

import asyncio
import runpy
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.scope import remove_external_propagation_context

from firstlight import Application, Settings, create_app
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines

from ..conftest import PROGRAMS
from ..process.conftest import Receiver

TRACE = "0af7651916cd43dd8448eb211c80319c"
KINDS = ("plain", "base", "exit", "cancelled", "deep", "mute")


@pytest.fixture(scope="module")
def sentry() -> Any:
    """What takes the reports."""
    receiver = Receiver(lambda: 200)
    yield receiver
    receiver.close()


@pytest.fixture
def failing(settings: Settings, lines: Lines, sentry: Receiver) -> Any:
    """The failing service in this process, with error tracking."""
    dsn = sentry.url.replace("://", "://key@") + "/1"
    chosen = Settings(**{**settings.model_dump(), "sentry_dsn": dsn})
    yield create_app(chosen, runpy.run_path(str(PROGRAMS / "failing.py"))["SERVICE"], log_sink=lines)
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    remove_external_propagation_context()


async def _connect(app: Application, path: str, kind: str) -> BaseException | None:
    """A handshake, as a server hands it on. Returns what the server would get."""
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "ws",
        "query_string": f"kind={kind}".encode(),
        "headers": [(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())],
        "subprotocols": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(_: object) -> None:
        """Take it."""

    try:
        await app(scope, receive, send)
    except BaseException as error:  # noqa: BLE001 - whatever the handler raises
        return error
    return None


def _counted() -> float:
    return REGISTRY.get_sample_value("unhandled_errors_total", {"source": "websocket"}) or 0.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["handshake", "accepted"])
def test_a_websocket_that_fails_is_told_once(
    failing: Application, lines: Lines, sentry: Receiver, place: str, kind: str
) -> None:
    """The trace is that of its caller."""
    before = _counted()

    raised = asyncio.run(_connect(failing, f"/{place}", kind))
    sentry_sdk.flush(5)

    token = f"{place}-{kind}"
    assert raised is not None
    (line,) = lines.named("websocket.failed")
    assert [line for line in lines.events if "exception" in line] == [line]
    assert token in line["exception"]
    assert line["trace_id"] == TRACE
    assert line["request_id"]
    assert line["http_route"] == f"/{place}"
    assert _counted() - before == 1
    reports = [body for body in sentry.bodies if token.encode() in body]
    assert len(reports) == 1
    assert TRACE.encode() in reports[0]
