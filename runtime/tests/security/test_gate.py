"""Hosts, origins and https: what is refused before the router, and how that is answered, labelled and counted."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from firstlight import REGISTRY, Service, Settings, create_app
from firstlight.security.headers import HEADERS
from firstlight.security.hosts import LocalHosts, TrustedHosts, is_host
from firstlight.settings import load
from firstlight.testing.lines import Lines

from ..faults import IDENTITY

APP, OTHER = "https://app.example", "https://evil.example"
CORS = {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}
Serve = Callable[..., TestClient]


async def parcel(request: Request) -> Response:
    """Answer, with headers of its own on request."""
    return PlainTextResponse("parcel", headers=dict(request.query_params))


async def fail(request: Request) -> Response:
    """Raise as the path says."""
    status = int(request.path_params["status"])
    if status == 500:
        msg = "on demand"
        raise RuntimeError(msg)
    raise HTTPException(status)


async def echo(websocket: WebSocket) -> None:
    """Accept and close."""
    await websocket.accept()
    await websocket.close()


ROUTES = [
    Route("/parcels/{number}", parcel, methods=["GET", "POST"]),
    Route("/fail/{status}", fail),
    WebSocketRoute("/socket", echo),
]


@pytest.fixture
def serve(settings: Settings, lines: Lines) -> Iterator[Serve]:
    """A client of a service with these settings; `base_url` has scheme and host."""
    with ExitStack() as stack:

        def start(base_url: str = "http://api.example", **given: Any) -> TestClient:
            changed = type(settings)(**{**settings.model_dump(), "environment": "production", **given})
            app = create_app(changed, Service(identity=IDENTITY, routes=ROUTES), log_sink=lines)
            client = TestClient(
                app, base_url, raise_server_exceptions=False, follow_redirects=False, client=("10.0.0.1", 4711)
            )
            return stack.enter_context(client)

        yield start


def _count(event: str) -> float:
    return REGISTRY.get_sample_value("security_events_total", {"event": event}) or 0


def _vary(response: Any) -> set[str]:
    return {name.strip() for name in response.headers.get("vary", "").split(",")}


@pytest.mark.parametrize("path", ["/parcels/1", "/fail/404", "/fail/500", "/nowhere", "/health/ready"])
def test_every_response_has_the_security_headers(serve: Serve, path: str) -> None:
    """Of handlers, of errors, of the router and of probes."""
    response = serve().get(path)

    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    assert "server" not in response.headers
    assert "strict-transport-security" not in response.headers


def test_a_handler_chooses_its_own_value(serve: Serve) -> None:
    """A page with scripts has another policy. The other headers are added."""
    own = {"content-security-policy": "script-src 'self'", "Cross-Origin-Resource-Policy": "cross-origin"}
    response = serve().get("/parcels/1", params=own)

    assert {name: response.headers.get_list(name) for name in own} == {name: [value] for name, value in own.items()}
    assert response.headers["x-content-type-options"] == "nosniff"


def test_hsts_is_sent_over_https_only(serve: Serve) -> None:
    """Over http, browsers ignore it, and an attacker could have added it."""
    assert serve("https://api.example", hsts_seconds=60).get("/fail/500").headers["strict-transport-security"] == (
        "max-age=60"
    )
    assert "strict-transport-security" not in serve(hsts_seconds=60).get("/parcels/1").headers
    assert "strict-transport-security" not in serve("https://api.example").get("/parcels/1").headers


@pytest.mark.parametrize(
    "host", ["api.example", "API.example:8000", "api.example.", "a.b.tenant.example", "10.0.0.5:80", "[fd00:0::1]"]
)
def test_a_trusted_host_is_served(serve: Serve, host: str) -> None:
    """In any letter case, with any port; names below a wildcard; addresses in any form."""
    client = serve(trusted_hosts=load(Settings, {"trusted_hosts": TRUSTED}).trusted_hosts)
    assert client.get("/parcels/1", headers={"Host": host}).status_code == 200


TRUSTED = ("api.example", "*.tenant.example", "10.0.0.5", "fd00::1")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "tenant.example", "eviltenant.example", "api.example.evil.example", "10.0.0.6", "[fd00::2]"],
)
def test_another_host_is_refused(serve: Serve, lines: Lines, host: str) -> None:
    """With 400 under the route; the event is counted, and its line has the host."""
    before = _count("host_refused")
    response = serve(trusted_hosts=TRUSTED).get("/parcels/7", headers={"Host": host})

    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert _count("host_refused") == before + 1
    (line,) = lines.named("http.request_finished")
    assert (line["http_route"], line["error_type"]) == ("/parcels/{number}", "")


def test_the_line_of_a_refused_host_is_printable(serve: Serve, lines: Lines) -> None:
    """A client chooses the value."""
    serve(trusted_hosts=TRUSTED).get("/parcels/7", headers={"Host": "evil\x1b[2J" + "a" * 1000})

    for line in lines.named("security.host_refused"):  # at most one each 10 s, for all tests
        assert len(line["host"]) <= 255
        assert line["host"].isprintable()


def test_probes_need_no_host(serve: Serve) -> None:
    """A kubelet asks by address, and a load balancer without a name."""
    client = serve(trusted_hosts=TRUSTED, https_only=True)

    for path in ("/health/live", "/health/ready", "/health/startup"):
        assert client.get(path, headers={"Host": "10.9.8.7:8000"}).status_code == 200


def test_all_hosts_are_served_by_default(serve: Serve) -> None:
    """Nothing in a response is built from the host."""
    assert serve().get("/parcels/1", headers={"Host": "whatever.example"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("api.localhost", 200),
        ("testserver", 200),
        ("rebound.example", 400),
        ("localhost.evil.example", 400),
    ],
)
def test_a_service_in_development_is_not_read_by_a_page_of_the_internet(serve: Serve, host: str, status: int) -> None:
    """Its name may resolve to 127.0.0.1, but the browser sends the name."""
    assert serve(environment="development").get("/parcels/1", headers={"Host": host}).status_code == status


def test_a_service_in_development_that_others_reach_serves_all_hosts(serve: Serve) -> None:
    """As in a container."""
    client = serve(environment="development", host="0.0.0.0")  # noqa: S104 - what an image sets
    assert client.get("/parcels/1", headers={"Host": "rebound.example"}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_over_http_is_redirected_to_a_trusted_host(serve: Serve, method: str) -> None:
    """308, to the same path and query, without the port."""
    client = serve("http://api.example:8000", https_only=True, trusted_hosts=TRUSTED)
    response = client.request(method, "/parcels/a%2F%20b?c=%22d%22&e")

    assert response.status_code == 308
    assert response.headers["location"] == "https://api.example/parcels/a%2F%20b?c=%22d%22&e"


def test_a_write_over_http_is_refused(serve: Serve) -> None:
    """Its body may have had a secret; a redirect would hide that."""
    before = _count("insecure_refused")
    response = serve(https_only=True, trusted_hosts=TRUSTED).post("/parcels/1")

    assert (response.status_code, response.headers["content-type"]) == (403, "application/problem+json")
    assert _count("insecure_refused") == before + 1


@pytest.mark.parametrize("trusted", [(), ("*",)])
def test_no_redirect_goes_to_a_host_that_the_client_chose(serve: Serve, trusted: tuple[str, ...]) -> None:
    """Without named hosts, a read is refused as well."""
    response = serve(https_only=True, trusted_hosts=trusted).get("/parcels/1", headers={"Host": "evil.example"})
    assert (response.status_code, "location" in response.headers) == (403, False)


def test_the_scheme_is_believed_from_trusted_proxies_only(serve: Serve) -> None:
    """A client can send `X-Forwarded-Proto` as well."""
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    trusted, others = (ip_network("10.0.0.1"),), (ip_network("10.0.0.2"),)

    assert serve(https_only=True).get("/parcels/1", headers=forwarded).status_code == 403
    assert serve(https_only=True, trusted_proxies=others).get("/parcels/1", headers=forwarded).status_code == 403
    behind = serve(https_only=True, hsts_seconds=60, trusted_proxies=trusted).get("/parcels/1", headers=forwarded)
    assert (behind.status_code, behind.headers["strict-transport-security"]) == (200, "max-age=60")


@pytest.mark.parametrize("path", ["/parcels/1", "/fail/500", "/fail/429", "/fail/413", "/nowhere"])
def test_an_allowed_origin_reads_every_response(serve: Serve, path: str) -> None:
    """Errors as well. Caches learn that the response depends on the origin."""
    response = serve(cors_origins=(APP,)).get(path, headers={"Origin": APP})

    assert response.headers["access-control-allow-origin"] == APP
    assert {"X-Request-ID", "ETag", "Location", "Retry-After"} <= set(
        response.headers["access-control-expose-headers"].split(", ")
    )
    assert "access-control-allow-credentials" not in response.headers
    assert "Origin" in _vary(response)


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "https://app.example.evil.example", "http://app.example", APP + ":444"]
)
def test_another_origin_reads_nothing(serve: Serve, origin: str) -> None:
    """The browser hides the response. The event is counted."""
    before = _count("origin_refused")
    response = serve(cors_origins=(APP,)).get("/parcels/1", headers={"Origin": origin})

    assert response.status_code == 200
    assert not {name for name in response.headers if name.startswith("access-control-")}
    assert "Origin" in _vary(response)
    assert _count("origin_refused") == before + 1


def test_the_page_of_the_service_itself_is_no_other_origin(serve: Serve) -> None:
    """Browsers send the origin with writes to the same host."""
    before = _count("origin_refused")
    assert serve(cors_origins=(APP,)).post("/parcels/1", headers={"Origin": "http://api.example"}).status_code == 200
    assert _count("origin_refused") == before


def test_cors_is_off_by_default(serve: Serve) -> None:
    """No header, no preflight, nothing that depends on the origin."""
    client = serve()
    asked = {"Origin": APP, "Access-Control-Request-Method": "POST"}

    assert not {name for name in client.get("/parcels/1", headers=asked).headers if name.startswith("access-control-")}
    assert client.options("/parcels/1", headers=asked).status_code == 405
    assert "vary" not in client.get("/parcels/1").headers


def test_credentials_are_allowed_by_a_setting(serve: Serve) -> None:
    """For cookies."""
    response = serve(cors_origins=(APP,), cors_credentials=True).get("/parcels/1", headers={"Origin": APP})
    assert response.headers["access-control-allow-credentials"] == "true"


def test_all_origins_can_be_allowed(serve: Serve) -> None:
    """Without credentials; the response is the same for all."""
    response = serve(cors_origins=("*",)).get("/parcels/1", headers={"Origin": OTHER})

    assert response.headers["access-control-allow-origin"] == "*"
    assert "vary" not in response.headers


def test_a_response_keeps_what_its_handler_varies_by(serve: Serve) -> None:
    """`Vary` is a list."""
    response = serve(cors_origins=(APP,)).get("/parcels/1", params={"Vary": "Accept"}, headers={"Origin": APP})
    assert _vary(response) == {"Accept", "Origin"}


def test_a_preflight_request_is_answered_before_the_router(serve: Serve, lines: Lines) -> None:
    """204 under the route, without a call of the handler; the headers that the page asks for are allowed."""
    asked = {
        "Origin": APP,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "content-type,idempotency-key",
    }
    response = serve(cors_origins=(APP,)).options("/parcels/1", headers=asked)

    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == APP
    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "content-type,idempotency-key"
    assert response.headers["access-control-max-age"] == "600"
    assert {"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"} <= _vary(response)
    (line,) = lines.named("http.request_finished")
    assert (line["http_request_method"], line["http_route"]) == ("OPTIONS", "/parcels/{number}")


def test_a_preflight_request_of_another_origin_is_refused(serve: Serve) -> None:
    """403, without a header that allows something."""
    asked = {"Origin": OTHER, "Access-Control-Request-Method": "POST"}
    response = serve(cors_origins=(APP,)).options("/parcels/1", headers=asked)

    assert response.status_code == 403
    assert not {name for name in response.headers if name.startswith("access-control-")}


def test_odd_names_of_headers_are_not_repeated(serve: Serve) -> None:
    """The answer must not become a way to send other headers."""
    asked = {"Origin": APP, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "a: b"}
    assert "access-control-allow-headers" not in serve(cors_origins=(APP,)).options("/parcels/1", headers=asked).headers


@pytest.mark.parametrize(
    ("origin", "settings_"),
    [
        (None, {}),
        ("http://api.example", {}),
        (APP, {"cors_origins": (APP,)}),
    ],
)
def test_a_websocket_is_opened_by_its_own_page(serve: Serve, origin: str | None, settings_: dict[str, Any]) -> None:
    """By an allowed one, and by a client that is no browser."""
    headers = {"Host": "api.example"} | ({"Origin": origin} if origin else {})
    with serve(**settings_).websocket_connect("/socket", headers=headers) as websocket:
        assert websocket.accepted_subprotocol is None


@pytest.mark.parametrize(
    ("headers", "settings_", "status"),
    [
        ({"Origin": OTHER}, {}, 403),
        ({"Origin": OTHER}, {"cors_origins": (APP,)}, 403),
        ({"Host": "evil.example"}, {"trusted_hosts": TRUSTED}, 400),
        ({}, {"https_only": True}, 403),
    ],
)
def test_a_websocket_is_refused(serve: Serve, headers: dict[str, str], settings_: dict[str, Any], status: int) -> None:
    """Browsers do not ask before they open one, so the service must look at the origin itself."""
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        serve(**settings_).websocket_connect("/socket", headers=headers),
    ):
        pass

    assert refused.value.status_code == status
    assert refused.value.headers["x-content-type-options"] == "nosniff"


@given(st.binary(max_size=30))
def test_a_host_is_trusted_only_if_it_is_valid(value: bytes) -> None:
    """No bytes make it raise, and none but the name itself are trusted."""
    trusted = TrustedHosts(("api.example",)).serve([value])

    assert not trusted or value.lower().rstrip(b".0123456789:") == b"api.example"
    assert is_host(value) or not LocalHosts().serve([value])
    assert not LocalHosts().serve([value, value])
