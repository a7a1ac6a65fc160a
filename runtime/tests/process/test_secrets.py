"""What clients send cannot get into the log as it likes."""

import json

import pytest

from ..conftest import Service
from .conftest import Wire, ask, request

INJECTION = "/x%0a%7B%22event%22:%22forged%22,%22request_id%22:%22forged%22%7D%0d%0a%1b%5B2J%E2%80%A8"
HOSTILE_IDS = ("", "a" * 129, "a b", 'x"}', "a;b", "../../etc", "%0a", "\x85\xa0", "<script>", "é")


def test_query_strings_are_never_logged(service: Service) -> None:
    """Neither of a request that succeeds nor of one that fails, nor of one the server refuses."""
    paths = ("/faults/none", "/nowhere", "/faults/fail", "/faults/missing/none", "/faults/none/")
    for number, path in enumerate(paths):
        ask(service.url, f"{path}?token=swordfish&limit=1", x_request_id=f"query-{number}")
        service.wait_for("http.request_finished", request_id=f"query-{number}")
    with Wire(service.url) as wire:
        wire.send(b"GET /?token=swordfish HTTP/9.9\r\n\r\n")
        wire.file.read()
    ask(service.url, "/", x_request_id="query-last")
    service.wait_for("http.request_finished", request_id="query-last")
    assert "swordfish" not in json.dumps(service.lines)


def test_a_path_cannot_forge_a_line(service: Service) -> None:
    """Line breaks and control characters stay inside the field they came in, and a secret in it is redacted."""
    assert ask(service.url, INJECTION, x_request_id="injected").status == 404
    assert ask(service.url, "/faults/missing/token=swordfish", x_request_id="secret-path").status == 404
    line = service.wait_for("http.request_finished", request_id="injected")
    assert line["url_path"].startswith('/x\n{"event":"forged"')
    assert line["http_route"] == "unmatched"
    line = service.wait_for("http.request_finished", request_id="secret-path")
    assert line["url_path"] == "/faults/missing/token=REDACTED"
    assert [line for line in service.lines if "forged" in {line["event"], line.get("request_id")}] == []


def test_headers_cannot_forge_a_line(service: Service) -> None:
    """No header but an acceptable request id and trace context leaves a trace in the log."""
    forged = '"}{"event":"forged"}'
    headers = {"user_agent": forged, "referer": forged, "traceparent": forged, "baggage": forged, "cookie": forged}
    with Wire(service.url) as wire:
        wire.send(request("/faults/fail", x_request_id="headers", x_forwarded_for=forged, **headers))
        assert wire.receive().status == 500
    service.wait_for("http.request_finished", request_id="headers")
    service.wait_for("http.request_failed", request_id="headers")
    assert "forged" not in json.dumps([line for line in service.lines if line.get("request_id") == "headers"])


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
def test_a_hostile_request_id_is_replaced(service: Service, hostile: str) -> None:
    """The response and the line carry one of ours, and what was sent is nowhere."""
    with Wire(service.url) as wire:
        wire.send(request("/faults/missing/none", x_request_id=hostile))
        replaced = wire.receive().headers["x-request-id"]
    assert len(bytes.fromhex(replaced)) == 16
    line = service.wait_for("http.request_finished", request_id=replaced)
    assert not hostile or hostile not in json.dumps(line, ensure_ascii=False)


def test_an_acceptable_request_id_of_full_length_is_kept(service: Service) -> None:
    """128 characters of the accepted alphabet come back as they were sent."""
    ours = ("A-z_0.9" * 19)[:128]
    assert ask(service.url, "/", x_request_id=ours).headers["x-request-id"] == ours
