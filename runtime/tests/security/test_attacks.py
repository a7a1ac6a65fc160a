"""Attacks on a running service, at least one for each item of OWASP's lists that the runtime is an answer to.

`docs/guides/security.md` says which test is for which item. Items without a test here are attacked where their
mechanism is tested: access control and authentication, rate limits, idempotency keys, cursors, dependencies.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from firstlight.security.headers import HEADERS
from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import PROGRAMS, TIMEOUT_SECONDS
from ..faults import SERVICE
from ..process.conftest import Reply, Wire, ask, metric

APP, EVIL = "https://app.example", "https://evil.example"
HOST = "api.example"
SECRET = "correct-horse"  # noqa: S105 - the one that the service must not tell
BODY_BYTES = 10_000


@pytest.fixture(scope="module")
def attacked() -> Iterator[ServiceProcess]:
    """A service behind a name, whose pages of one other origin may use it."""
    environment = {
        "TRUSTED_HOSTS": f"127.0.0.1,{HOST}",
        "CORS_ORIGINS": APP,
        "ENVIRONMENT": "production",
        "MAX_BODY_BYTES": str(BODY_BYTES),
    }
    program = [str(PROGRAMS / "attacked.py")]
    with closing(ServiceProcess(program, environment, without=variables(SERVICE))) as process:
        yield process.started()
        assert process.terminate() == 0
        assert process.error == ""


def raw(attacked: ServiceProcess, *lines: str, body: bytes = b"", host: str = HOST) -> Reply:
    """The response to a request of these lines, with `Host` unless it is empty, and the length of the body."""
    fields = [*([f"host: {host}"] if host else []), *([f"content-length: {len(body)}"] if body else [])]
    with Wire(attacked.url) as wire:
        wire.send("\r\n".join([lines[0], *fields, *lines[1:], "", ""]).encode("latin-1") + body)
        return wire.receive()


def post(attacked: ServiceProcess, path: str, content: Any, *fields: str) -> Reply:
    """The response to a document, or to bytes as they are."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    kind = (
        () if any(field.lower().startswith("content-type") for field in fields) else ("content-type: application/json",)
    )
    return raw(attacked, f"POST {path} HTTP/1.1", *kind, *fields, body=body)


def events(attacked: ServiceProcess, event: str) -> float:
    """How often the service counted this event."""
    return metric(attacked.management_url, "security_events_total", event=event)


def is_protected(reply: Reply) -> bool:
    """Whether a response has every security header, and no name of the server."""
    return {name: reply.headers.get(name.lower()) for name in HEADERS} == HEADERS and "server" not in reply.headers


def test_a_lie_about_the_host(attacked: ServiceProcess) -> None:
    """Poisoned caches and reset mails: an unknown name, none, two, a user in it, a URL of another host."""
    assert raw(attacked, "GET /notes/1 HTTP/1.1").status == 200
    before = events(attacked, "host_refused")
    replies = [
        raw(attacked, "GET /notes/1 HTTP/1.1", host="evil.example"),
        raw(attacked, "GET /notes/1 HTTP/1.1", host=""),
        raw(attacked, "GET /notes/1 HTTP/1.0", host=""),
        raw(attacked, "GET /notes/1 HTTP/1.1", "host: evil.example"),
        raw(attacked, "GET /notes/1 HTTP/1.1", host=f"{HOST}@evil.example"),
        raw(attacked, "GET http://evil.example/notes/1 HTTP/1.1"),
    ]

    assert [reply.status for reply in replies] == [400] * len(replies)
    assert all(map(is_protected, replies))
    assert events(attacked, "host_refused") == before + len(replies)
    assert raw(attacked, "GET /notes/1 HTTP/1.1", "x-forwarded-host: evil.example").status == 200
    assert raw(attacked, "GET /health/ready HTTP/1.0", host="").status == 200


def test_a_request_in_a_request(attacked: ServiceProcess) -> None:
    """Smuggling: a proxy and the service must see the same end of a body."""
    heads = [
        ("content-length: 5", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", "transfer-encoding: chunked"),
        ("transfer-encoding: gzip, chunked",),
        ("transfer-encoding: xchunked",),
        ("transfer-encoding : chunked",),
        ("content-length: 5", "content-length: 6"),
        ("content-length: +5",),
        ("content-length: 5, 5",),
    ]
    for head in heads:
        reply = raw(attacked, "POST /notes HTTP/1.1", "content-type: application/json", *head)
        assert (reply.status, is_protected(reply)) == (400, True), head
    with Wire(attacked.url) as wire:  # a body where none is expected does not become the next request
        inner = b"GET /notes/smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
        wire.send(f"GET /notes/1 HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {len(inner)}\r\n\r\n".encode(), inner)
        wire.send(f"GET /notes/2 HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())
        assert [json.loads(wire.receive().body)["number"] for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize(
    "callback",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://2852039166/",
        "http://0x7f.1:9464/metrics",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost:9464/metrics",
        "http://redis:6379/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "http://public.example@169.254.169.254/",
        "http://public.example\\@169.254.169.254/",
    ],
)
def test_a_callback_into_the_network(attacked: ServiceProcess, callback: str) -> None:
    """Server-side request forgery: the metadata of a cloud, the management port, a store, a file."""
    before = events(attacked, "target_refused")
    reply = post(attacked, "/hooks", {"callback": callback})

    assert reply.status == 422
    assert b"169.254" not in reply.body
    assert events(attacked, "target_refused") == before + 1
    assert post(attacked, "/hooks", {"callback": "https://public.example/"}).status == 202


def test_a_page_that_is_a_script(attacked: ServiceProcess) -> None:
    """Stored cross-site scripting: a link must not run, and text must not be HTML."""
    assert post(attacked, "/notes", {"text": "a", "page": "javascript:alert(document.domain)"}).status == 422
    assert post(attacked, "/notes", {"text": "a", "page": "data:text/html,<script>alert(1)</script>"}).status == 422
    reply = post(attacked, "/notes", {"text": "<script>alert(1)</script>"})

    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_path_that_is_a_script(attacked: ServiceProcess) -> None:
    """Reflected cross-site scripting: an error is no page."""
    for reply in (
        raw(attacked, "GET /<script>alert(1)</script> HTTP/1.1"),
        post(attacked, "/notes", {"text": "a", "<script>": 1}),
        post(attacked, "/notes", b'{"<script>'),
    ):
        assert reply.headers["content-type"] == "application/problem+json"
        assert is_protected(reply)


def test_lines_in_values(attacked: ServiceProcess) -> None:
    """Injection into headers and into the log: a value stays on its line."""
    reply = raw(attacked, "GET /go?to=%0d%0aset-cookie:%20a=b HTTP/1.1", 'x-request-id: a"}\x85{"level":"critical')
    assert "set-cookie" not in reply.headers
    assert "\n" not in reply.headers["location"]

    raw(attacked, 'GET /%0a{"event":"forged"} HTTP/1.1', "x-request-id: forged-1")
    line = attacked.wait_for("http.request_finished", request_id="forged-1")
    assert line["http_route"] == "unmatched"
    assert not [line for line in attacked.lines if line["event"] == "forged"]


def test_documents_that_are_no_json(attacked: ServiceProcess) -> None:
    """XML with external entities, pickles, YAML, a bomb of gzip: nothing is parsed but JSON."""
    xml = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
    assert post(attacked, "/notes", xml, "content-type: application/xml").status == 415
    assert post(attacked, "/notes", xml).status == 400
    assert post(attacked, "/notes", b"cos\nsystem\n", "content-type: application/x-python-pickle").status == 415
    assert post(attacked, "/notes", b"!!python/object", "content-type: application/yaml").status == 415
    assert post(attacked, "/notes", b"\x1f\x8b", "content-encoding: gzip").status == 415


def test_a_form_of_another_site(attacked: ServiceProcess) -> None:
    """Cross-site request forgery: what a page may send without asking first is not JSON to the service."""
    document = b'{"text": "forged"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"):
        assert post(attacked, "/notes", document, f"content-type: {kind}", f"origin: {EVIL}").status == 415
    assert raw(attacked, "POST /notes HTTP/1.1", f"origin: {EVIL}", body=document).status == 415
    asked = raw(attacked, "OPTIONS /notes HTTP/1.1", f"origin: {EVIL}", "access-control-request-method: POST")
    assert asked.status == 403


def test_a_page_of_another_origin(attacked: ServiceProcess) -> None:
    """It reads nothing, not even an error; a page of the allowed origin reads both."""
    for path in ("/notes/1", "/fail", "/nowhere"):
        foreign = raw(attacked, f"GET {path} HTTP/1.1", f"origin: {EVIL}")
        assert not [name for name in foreign.headers if name.startswith("access-control-")]
        assert raw(attacked, f"GET {path} HTTP/1.1", f"origin: {APP}").headers["access-control-allow-origin"] == APP


def test_a_websocket_of_another_origin(attacked: ServiceProcess) -> None:
    """Cross-site websocket hijacking: browsers do not ask before they open one."""
    url = attacked.url.replace("http", "ws", 1) + "/socket"
    with connect(url, origin=Origin(APP), open_timeout=TIMEOUT_SECONDS):
        pass
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=Origin(EVIL), open_timeout=TIMEOUT_SECONDS)

    response = refused.value.response
    assert response.status_code == 403
    assert {name: response.headers.get_all(name) for name in HEADERS} == {name: [v] for name, v in HEADERS.items()}


def test_an_error_that_tells_secrets(attacked: ServiceProcess) -> None:
    """A failure has no detail, no traceback and no name of a library, and neither has the log the secret."""
    reply = raw(attacked, "GET /fail HTTP/1.1", "x-request-id: failed-1")

    assert (reply.status, is_protected(reply)) == (500, True)
    for told in (SECRET, "Traceback", "RuntimeError", "starlette", "uvicorn", ".py"):
        assert told not in reply.body.decode()
    line = attacked.wait_for("http.request_failed", request_id="failed-1")
    assert SECRET not in json.dumps(line)


def test_a_handler_that_answers_nothing(attacked: ServiceProcess) -> None:
    """The service fails closed: a problem document, and the next request is served."""
    reply = raw(attacked, "GET /silence HTTP/1.1")

    assert (reply.status, reply.headers["content-type"]) == (500, "application/problem+json")
    assert is_protected(reply)
    assert raw(attacked, "GET /notes/1 HTTP/1.1").status == 200


def test_more_than_the_service_takes(attacked: ServiceProcess) -> None:
    """Bodies, heads, nested documents and fields have limits."""
    assert post(attacked, "/notes", b"x" * (BODY_BYTES + 1)).status == 413
    assert raw(attacked, "GET / HTTP/1.1", "a: " + "b" * 70_000).status == 431
    assert post(attacked, "/notes", b"[" * 9_000).status == 400
    many = post(attacked, "/notes", {f"field{number}": 1 for number in range(500)})
    assert many.status == 422
    assert len(json.loads(many.body)["errors"]) <= 20


def test_fields_that_nobody_asked_for(attacked: ServiceProcess) -> None:
    """Mass assignment: a field that the model does not have is refused."""
    assert post(attacked, "/notes", {"text": "a", "is_admin": True}).status == 422


def test_functions_that_are_not_there(attacked: ServiceProcess) -> None:
    """Methods, paths and parameters that are not declared: no debug page, no metrics, no TRACE."""
    for line, status in {
        "TRACE /notes/1 HTTP/1.1": 405,
        "DELETE /notes/1 HTTP/1.1": 405,
        "GET /metrics HTTP/1.1": 404,
        "GET /health HTTP/1.1": 404,
        "GET /.env HTTP/1.1": 404,
        "GET /notes/../../etc/passwd HTTP/1.1": 404,
        "GET /notes/..%2f..%2fetc%2fpasswd HTTP/1.1": 404,
        "GET /debug?__debug__=1 HTTP/1.1": 404,
    }.items():
        reply = raw(attacked, line, "x-http-method-override: DELETE")
        assert (reply.status, is_protected(reply)) == (status, True), line


def test_an_attack_is_counted_and_logged(attacked: ServiceProcess) -> None:
    """Every event has a counter from the start, and a line with what an analyst needs."""
    raw(attacked, "GET /notes/1 HTTP/1.1", "x-request-id: attack-1", host="evil.example")

    assert events(attacked, "host_refused") > 0
    line = attacked.wait_for("security.host_refused")
    assert line["level"] == "warning"
    assert "suppressed" in line
    assert attacked.wait_for("http.request_finished", request_id="attack-1")["client_address"] == "127.0.0.1"


def test_every_port_has_the_headers(attacked: ServiceProcess) -> None:
    """Probes on both ports, metrics, and refusals of the management port."""
    for url, path in (
        (attacked.url, "/health/ready"),
        (attacked.management_url, "/health/ready"),
        (attacked.management_url, "/metrics"),
        (attacked.management_url, "/nowhere"),
    ):
        assert is_protected(ask(url, path)), path
    with Wire(attacked.management_url) as wire:
        wire.send(b"nonsense\r\n\r\n")
        assert is_protected(wire.receive())
