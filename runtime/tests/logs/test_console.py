"""Events for a person at a terminal."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from firstlight import Settings
from firstlight.development import handover
from firstlight.logs.console import Console
from firstlight.terminal import Paint, paint_for

EVENT = {
    "timestamp": datetime(2026, 11, 26, 12, 30, 1, tzinfo=UTC),
    "level": "info",
    "event": "thing.happened",
    "service": "scales",
    "version": "1.2.3",
    "env": "development",
}
IDS = {"request_id": "r", "trace_id": "t", "span_id": "s"}
REQUEST = {
    **EVENT,
    **IDS,
    "event": "http.request_finished",
    "http_request_method": "POST",
    "http_route": "/api/v1/links",
    "http_response_status_code": 201,
    "error_type": "",
    "url_path": "/api/v1/links",
    "duration_seconds": 0.00072,
    "response_bytes": 12,
    "client_address": "127.0.0.1",
}


def shown(event: dict[str, Any], *, colours: bool = False) -> str:
    """The text of an event, without its time."""
    text = Console(Settings(), Paint(wanted=colours))(event).decode()
    return text if colours else re.sub(r"^\d\d:\d\d:\d\d ", "", text)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "POST /api/v1/links 201 0.7 ms\n"),
        ({"http_response_status_code": 404}, "POST /api/v1/links 404 0.7 ms\n"),
        ({"duration_seconds": 1.5}, "POST /api/v1/links 201 1.50 s\n"),
        ({"url_path": "/a\x1b[2J"}, "POST /a\ufffd[2J 201 0.7 ms\n"),
        (
            {"level": "error", "http_response_status_code": 500, "error_type": "KeyError"},
            "POST /api/v1/links 500 0.7 ms KeyError\n",
        ),
        ({"level": "error", "http_response_status_code": 503, "error_type": "503", "reason": "no stamp"},
         'POST /api/v1/links 503 0.7 ms reason="no stamp"\n'),
        ({"tenant": "acme", "network_protocol_version": "1.1"}, "POST /api/v1/links 201 0.7 ms tenant=acme\n"),
    ],
)  # fmt: skip
def test_a_request_is_one_short_line(fields: dict[str, Any], line: str) -> None:
    """Verb, path, status and time; then what went wrong, and what the team has bound."""
    assert shown({**REQUEST, **fields}) == line


def test_a_websocket_is_one_short_line() -> None:
    """With its close code."""
    event = {
        **EVENT, **IDS, "event": "websocket.closed", "http_route": "/ws", "error_type": "", "close_code": 1000,
        "url_path": "/ws", "duration_seconds": 2.0, "messages_received": 3, "messages_sent": 4, "client_address": "",
    }  # fmt: skip
    assert shown(event) == "WEBSOCKET /ws 1000 2.00 s messages_received=3 messages_sent=4\n"


def test_an_event_keeps_its_fields() -> None:
    """Without what is the same on every line; the ids only where something is wrong."""
    fields = {"order": 12, "amount": "3.50 EUR", "items": [1, "a"], "none": None, "empty": ""}
    text = 'order=12 amount="3.50 EUR" items=[1,"a"] none=null empty=""'
    assert shown({**EVENT, **IDS, **fields}) == f"thing.happened {text}\n"
    assert shown({**EVENT, **IDS, **fields, "level": "warning"}) == (
        f"warning thing.happened request_id=r trace_id=t {text}\n"
    )


@pytest.mark.parametrize("name", ["stack", "exception"])
def test_text_of_many_lines_keeps_them(name: str) -> None:
    """A stack is read line by line, below its event."""
    event = {**EVENT, "level": "error", name: "File one\n  in two\n", "age": 5}
    assert shown(event) == "error thing.happened age=5\nFile one\n  in two\n"


@pytest.mark.parametrize(("value", "text"), [(7, "7"), ("one line", '"one line"'), (["a\nb"], r'["a\nb"]')], ids=str)
def test_a_field_called_stack_may_be_anything(value: object, text: str) -> None:
    """A team's own field of this name is shown as any other."""
    assert shown({**EVENT, "stack": value, "exception": value}) == f"thing.happened stack={text} exception={text}\n"


def test_names_of_ours_with_other_fields_are_shown() -> None:
    """A team may log anything."""
    for name in ("http.request_finished", "websocket.closed", "service.started"):
        assert shown({**EVENT, "event": name, "answer": 42}) == f"{name} answer=42\n"
    assert shown({**REQUEST, "duration_seconds": "long"}).startswith("http.request_finished ")


def test_the_start_says_where_it_serves() -> None:
    """Addresses that a browser takes; a process without a service port has none."""
    started = {**EVENT, "event": "service.started", "port": 8000, "management_port": 9464}
    console = Console(Settings(host="0.0.0.0", management_host="::1"), Paint(wanted=False))  # noqa: S104
    text = console(started).decode()
    assert text == (
        "\n  scales 1.2.3 is ready\n  service  http://127.0.0.1:8000\n"
        "  health   http://[::1]:9464/health\n  metrics  http://[::1]:9464/metrics\n\n"
    )
    assert "service " not in console({**started, "port": 0}).decode()


def test_a_reload_is_one_short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the supervisor, which also says when the service ends; what goes wrong at the end is shown."""
    started = {**EVENT, "event": "service.started", "port": 8000, "management_port": 9464}
    monkeypatch.setenv(handover.RELOADED_AT, "0.0")
    assert re.fullmatch(r"ready again after \d+\.\d s\n", shown(started))
    monkeypatch.setenv(handover.RELOADED_AT, "")
    assert shown(started).endswith("Ctrl-C stops it.\n\n")
    assert shown({**EVENT, "event": "service.stopped"}) == ""
    assert shown({**EVENT, "event": "service.stopped", "level": "error"}) == "error service.stopped\n"


def test_colours_say_how_it_went() -> None:
    """Green, yellow, red; a slow request is marked."""
    assert "\x1b[32m201\x1b[0m" in shown(REQUEST, colours=True)
    assert "\x1b[33m404\x1b[0m" in shown({**REQUEST, "http_response_status_code": 404}, colours=True)
    failed = {**REQUEST, "http_response_status_code": 500, "level": "error"}
    assert "\x1b[31m500\x1b[0m" in shown(failed, colours=True)
    assert "\x1b[33m1.50 s\x1b[0m" in shown({**REQUEST, "duration_seconds": 1.5}, colours=True)
    assert "\x1b" not in shown(failed)


class Stream:
    """A terminal."""

    def isatty(self) -> bool:
        """Always."""
        return True


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
    ids=str,
)
def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    """As no-color.org says: any value but an empty one."""
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream: Any = Stream()
    assert (paint_for(stream)("x", "red") != "x") is coloured


def test_an_event_that_is_too_long_is_cut() -> None:
    """To the limit of every line."""
    assert len(Console(Settings(), Paint(wanted=True))({**EVENT, "text": "x" * 100_000, "b": "\x1b" * 9_999})) <= 65_536
