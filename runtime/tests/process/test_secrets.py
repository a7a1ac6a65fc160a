"""Clients can neither forge log lines nor write secrets into them."""

import json

import pytest

from firstlight.testing import ServiceProcess

from .conftest import Wire, ask, request

INJECTION = "/x%0a%7B%22event%22:%22forged%22,%22request_id%22:%22forged%22%7D%0d%0a%1b%5B2J%E2%80%A8"
HOSTILE_IDS = ("", "a" * 129, "a b", 'x"}', "a;b", "../../etc", "%0a", "\x85\xa0", "<script>", "é")


def test_query_strings_are_never_logged(running: ServiceProcess) -> None:
    """Neither when the request succeeds nor when it fails or is refused, whatever the parameter is called."""
    paths = ("/faults/none", "/nowhere", "/faults/fail", "/faults/missing/none", "/faults/none/")
    for number, path in enumerate(paths):
        ask(running.url, f"{path}?q=swordfish&limit=1", x_request_id=f"query-{number}")
        running.wait_for("http.request_finished", request_id=f"query-{number}")
    with Wire(running.url) as wire:
        wire.send(b"GET /?q=swordfish HTTP/9.9\r\n\r\n")
        wire.file.read()
    ask(running.url, "/", x_request_id="query-last")
    running.wait_for("http.request_finished", request_id="query-last")
    assert "swordfish" not in json.dumps(running.lines)


def test_a_path_cannot_forge_a_line(running: ServiceProcess) -> None:
    """Line breaks and control characters are escaped, and secrets in the path are redacted."""
    assert ask(running.url, INJECTION, x_request_id="injected").status == 404
    assert ask(running.url, "/faults/missing/token=swordfish", x_request_id="secret-path").status == 404
    line = running.wait_for("http.request_finished", request_id="injected")
    assert line["url_path"].startswith("/x%0a%7B%22event%22:%22forged%22")
    assert line["http_route"] == "unmatched"
    line = running.wait_for("http.request_finished", request_id="secret-path")
    assert line["url_path"] == "/faults/missing/token=REDACTED"
    assert [line for line in running.lines if "forged" in {line["event"], line.get("request_id")}] == []


def test_headers_cannot_forge_a_line(running: ServiceProcess) -> None:
    """Only a valid request id and a valid trace context are logged."""
    forged = '"}{"event":"forged"}'
    headers = {"user_agent": forged, "referer": forged, "traceparent": forged, "baggage": forged, "cookie": forged}
    with Wire(running.url) as wire:
        wire.send(request("/faults/fail", x_request_id="headers", x_forwarded_for=forged, **headers))
        assert wire.receive().status == 500
    running.wait_for("http.request_finished", request_id="headers")
    running.wait_for("http.request_failed", request_id="headers")
    assert "forged" not in json.dumps([line for line in running.lines if line.get("request_id") == "headers"])


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
def test_a_hostile_request_id_is_replaced(running: ServiceProcess, hostile: str) -> None:
    """Response and line have a generated id, and not the one that was sent."""
    with Wire(running.url) as wire:
        wire.send(request("/faults/missing/none", x_request_id=hostile))
        replaced = wire.receive().headers["x-request-id"]
    assert len(bytes.fromhex(replaced)) == 16
    line = running.wait_for("http.request_finished", request_id=replaced)
    assert not hostile or hostile not in json.dumps(line, ensure_ascii=False)


def test_an_acceptable_request_id_of_full_length_is_kept(running: ServiceProcess) -> None:
    """128 allowed characters are returned unchanged."""
    sent = ("A-z_0.9" * 19)[:128]
    assert ask(running.url, "/", x_request_id=sent).headers["x-request-id"] == sent
