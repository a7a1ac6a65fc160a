"""Rate limits in an application: who is limited where, what a client gets, and what is recorded."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from firstlight import (
    ArrangementError,
    Component,
    Layer,
    NoSettings,
    Operation,
    Service,
    Settings,
    caller,
    create_app,
    nothing,
)
from firstlight.metrics.instruments import REGISTRY
from firstlight.rate_limits import Claim, Limit, MemoryStore, Standing, rate_limits
from firstlight.rate_limits.refusal import comes_from_an_unknown_proxy
from firstlight.requests.arrival import PEER
from firstlight.testing.lines import Lines

SECOND = 1_000_000_000
DURATION = "http_server_request_duration_seconds_count"


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        """Begin where no machine begins."""
        self.now = 10**15

    def __call__(self) -> int:
        """Nanoseconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)


async def read(_: Request) -> Response:
    """Read."""
    return PlainTextResponse("read")


async def read_page(_: Request) -> Response:
    """Read several."""
    return PlainTextResponse("read")


async def write(_: Request) -> Response:
    """Write."""
    return PlainTextResponse("written", 201)


async def write_many(_: Request) -> Response:
    """Write, with more work than others."""
    return PlainTextResponse("written", 201)


async def fail(_: Request) -> Response:
    """Fail."""
    msg = "on demand"
    raise RuntimeError(msg)


async def listen(websocket: WebSocket) -> None:
    """Accept."""
    await websocket.accept()
    await websocket.close()


def named(app: ASGIApp, _: Operation | None) -> ASGIApp:
    """Authentication by a header: the caller has the name that it claims."""

    async def authenticating(scope: Scope, receive: Receive, send: Send) -> None:
        for name, value in scope["headers"]:
            if name == b"x-name":
                caller.authenticate(scope, value.decode())
        await app(scope, receive, send)

    return authenticating


NAMES = Component(name="names", settings=NoSettings, open=nothing, middleware={Layer.AUTHENTICATE: named})
ROUTES = (
    Operation(method="GET", path="/items/{item}", handler=read),
    Operation(method="POST", path="/items", handler=write),
    Operation(method="GET", path="/items", handler=read_page),
    Route("/plain", read, methods=["GET", "PUT"]),
    Route("/fail", fail),
    Mount("/below", routes=[Route("/one", read), Route("/two", read)]),
    WebSocketRoute("/listen", listen),
)
COSTLY = Operation(method="POST", path="/imports", handler=write_many, cost=2)


class Served:
    """A running application with limits."""

    def __init__(self, client: TestClient, clock: Clock, lines: Lines) -> None:
        """Requests go through `client`."""
        self.client, self.clock, self.lines = client, clock, lines

    def get(self, path: str = "/items", method: str = "GET", **headers: str) -> Any:
        """The response to a request."""
        return self.client.request(
            method, path, headers={key.replace("_", "-"): value for key, value in headers.items()}
        )

    def statuses(self, number: int, path: str = "/items", method: str = "GET", **headers: str) -> list[int]:
        """The status codes of some equal requests."""
        return [self.get(path, method, **headers).status_code for _ in range(number)]


Serve = Callable[..., Any]


@pytest.fixture
def serving(service: Service, settings: Settings, lines: Lines) -> Serve:
    """Serves with limits, from an address, in a mode, with a store."""

    @contextmanager
    def serve(
        *limits: Limit,
        address: str = "192.0.2.7",
        mode: str = "on",
        store: Any = None,
        routes: Sequence[Any] = ROUTES,
        **options: Any,
    ) -> Iterator[Served]:
        clock = Clock()
        component = rate_limits(*limits, store=store or (lambda _, limits: MemoryStore(limits, clock=clock)), **options)
        app = create_app(
            settings.model_copy(update={"rate_limits": mode}),
            replace(service, components=[component, NAMES], routes=routes),
            log_sink=lines,
        )
        with TestClient(app, client=(address, 4711), raise_server_exceptions=False) as client:
            yield Served(client, clock, lines)

    return serve


def limit(name: str = "by_address", rate: str = "2/minute", **fields: Any) -> Limit:
    """Two a minute, unless `fields` say something else."""
    return Limit(name=name, rate=rate, **fields)


def count(policy: str, outcome: str) -> float:
    """Requests counted for a policy."""
    return REGISTRY.get_sample_value("rate_limit_requests_total", {"policy": policy, "outcome": outcome}) or 0


def requests(**labels: str) -> float:
    """Requests in the request duration with these labels."""
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == DURATION and labels.items() <= sample.labels.items()
    )


def test_a_refusal_is_a_problem_that_says_when_to_come_back(serving: Serve) -> None:
    """429 with `Retry-After`, which is honest: not before, and then for certain."""
    with serving(limit()) as served:
        assert served.statuses(2) == [200, 200]
        refused = served.get()

        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"] == "30"
        document = refused.json()
        assert document["type"] == "/problems/too-many-requests"
        assert document["detail"] == "The limit of 2/minute is reached. Send the request again in 30 s."
        assert document["policy"] == "by_address"
        assert document["request_id"] == refused.headers["x-request-id"]
        served.clock.sleep(29.9)
        assert served.get().headers["retry-after"] == "1"
        served.clock.sleep(0.1)
        assert served.statuses(2) == [200, 429]


def test_a_refusal_is_counted_under_its_route_as_a_mistake_of_the_client(serving: Serve) -> None:
    """Also before the router, where no route is known yet, and for each route separately."""
    bad = {"slo": "availability", "outcome": "bad"}
    with serving(limit("own_route", "1/minute")) as served:
        before = {
            route: requests(http_route=route, http_response_status_code="429", error_type="")
            for route in ("/items/{item}", "/items", "/below/two", "unmatched")
        }
        failures = REGISTRY.get_sample_value("slo_events_total", bad)
        served.get()
        paths = {"/items/7": "/items/{item}", "/items": "/items", "/below/two": "/below/two", "/nowhere": "unmatched"}
        for path in [*paths, *paths]:
            assert served.get(path).status_code == 429

        for path, route in paths.items():
            counted = requests(http_route=route, http_response_status_code="429", error_type="")
            assert counted - before[route] == 2, path
        assert REGISTRY.get_sample_value("slo_events_total", bad) == failures
        assert {line["http_route"] for line in served.lines.named("http.request_finished")} == {*paths.values()}


@pytest.mark.parametrize(
    ("fields", "first", "other"),
    [
        ({"by": "address"}, {"x_name": "ada"}, {"x_name": "bob"}),
        ({"by": "global"}, {"x_name": "ada"}, {"path": "/plain"}),
        ({"by": "caller"}, {"x_name": "ada"}, {"x_name": "ada", "path": "/plain"}),
        ({"by": "caller"}, {}, {"path": "/plain"}),
        ({"by": "route"}, {"x_name": "ada"}, {"x_name": "bob"}),
        ({"by": "route"}, {"path": "/items/1"}, {"path": "/items/2"}),
        ({"by": "route"}, {"path": "/plain", "x_name": "ada"}, {"path": "/plain"}),
        ({"by": ("caller", "route")}, {"x_name": "ada"}, {"x_name": "ada"}),
        ({"by": ("address", "caller")}, {"x_name": "ada"}, {"x_name": "ada", "path": "/plain"}),
    ],
)
def test_what_shares_a_counter(
    serving: Serve, fields: dict[str, Any], first: dict[str, str], other: dict[str, str]
) -> None:
    """The second request finds the counter of the first one used up."""
    with serving(limit("shared", "1/minute", **fields)) as served:
        assert served.get(**first).status_code == 200
        assert served.get(**other).status_code == 429


@pytest.mark.parametrize(
    ("fields", "first", "other"),
    [
        ({"by": "caller"}, {"x_name": "ada"}, {"x_name": "bob"}),
        ({"by": "caller"}, {"x_name": "address:192.0.2.7"}, {}),
        ({"by": "route"}, {"path": "/items"}, {"path": "/items", "method": "POST"}),
        ({"by": "route"}, {"path": "/items"}, {"path": "/items/1"}),
        ({"by": "route"}, {"path": "/plain"}, {"path": "/plain", "method": "PUT"}),
        ({"by": "route"}, {"path": "/plain"}, {"path": "/below/one"}),
        ({"by": ("caller", "route")}, {"x_name": "ada"}, {"x_name": "ada", "path": "/items/1"}),
        ({"by": ("caller", "route")}, {"x_name": "ada"}, {"x_name": "bob"}),
        ({"methods": ("POST",), "by": "address"}, {"method": "POST"}, {}),
        ({"paths": ("/items",), "by": "address"}, {}, {"path": "/items/1"}),
    ],
)
def test_what_has_a_counter_of_its_own(
    serving: Serve, fields: dict[str, Any], first: dict[str, str], other: dict[str, str]
) -> None:
    """The second request passes although that of the first is used up."""
    with serving(limit("own", "1/minute", burst=2, **fields)) as served:
        served.statuses(2, **first)
        assert served.get(**first).status_code == 429
        assert served.get(**other).status_code != 429


def test_methods_and_paths_apply_to_plain_routes(serving: Serve) -> None:
    """They are compared for each request, because such a route has no operation."""
    puts = limit("puts", "1/minute", by="route", methods=("PUT",), paths=("/plain",))
    with serving(puts) as served:
        assert served.statuses(3, "/plain") == [200, 200, 200]
        assert served.statuses(2, "/plain", "PUT") == [200, 429]


def test_a_call_costs_what_its_operation_says(serving: Serve) -> None:
    """At the routes; before the router each request costs 1."""
    costly, outer = limit("costly", "5/minute", by="caller"), limit("outer_cost", "100/minute")
    with serving(costly, outer, routes=[*ROUTES, COSTLY]) as served:
        assert served.statuses(3, "/imports", "POST") == [201, 201, 429]
        assert served.statuses(2) == [200, 429]
        assert served.get("/nowhere").headers["x-ratelimit-remaining"] == "94"


def test_a_cost_that_can_never_pass_stops_the_start(serving: Serve) -> None:
    """All its calls would be refused."""
    with (
        pytest.raises(ArrangementError, match="'narrow' lets at most 1 pass at once, and POST /imports costs 2"),
        serving(limit("narrow", "1/minute", by="caller"), routes=[COSTLY]),
    ):
        pass


def test_several_limits_apply_at_once(serving: Serve) -> None:
    """All must let a request pass, the longest wait answers, and a refusal uses up nothing at its place."""
    short = limit("short", "1/second", by="caller")
    long = limit("long", "3/minute", by="route", paths=("/items/{item}",))
    outside = limit("outside", "100/minute")
    with serving(short, long, outside) as served:
        assert served.statuses(2, "/items/1") == [200, 429]
        served.clock.sleep(1)
        assert served.statuses(3, "/items/1") == [200, 429, 429]
        served.clock.sleep(1)
        assert served.get("/items/1").status_code == 200  # the two refusals cost `long` nothing
        assert count("short", "limited") == 3
        both = served.get("/items/1")
        assert both.json()["policy"] == "long"
        assert count("short", "limited") == 4
        assert (
            int(served.get("/nowhere").headers["x-ratelimit-remaining"]) == 100 - 8 + 3
        )  # refusals count before the router


def test_headers_say_where_a_client_stands(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every response, with the strictest limit that applies."""
    monkeypatch.setattr("time.time_ns", lambda: 1_800_000_000 * SECOND + 1)
    wide, narrow = limit("wide", "60/minute"), limit("narrow", "3/minute", by="caller", paths=("/items",))
    with serving(wide, narrow) as served:
        other, first, second = served.get("/plain"), served.get(), served.get()

        assert [other.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")] == [
            "60",
            "59",
            "1800000002",
        ]
        assert [first.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")] == [
            "3",
            "2",
            "1800000021",
        ]
        assert second.headers["x-ratelimit-remaining"] == "1"
        assert "retry-after" not in second.headers
        assert served.get("/nowhere").headers["x-ratelimit-limit"] == "60"
        served.get()
        refused = served.get()
        assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (429, "0")


def test_the_limit_before_the_router_may_be_the_strictest(serving: Serve) -> None:
    """Its headers stay although a limit at the route is checked later."""
    with serving(limit("strict", "2/minute"), limit("generous", "60/minute", by="caller")) as served:
        headers = served.get().headers

    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("2", "1")


def test_an_unexpected_error_has_the_headers_too(serving: Serve) -> None:
    """It is answered outside of the limits."""
    with serving(limit("wide", "60/minute")) as served:
        failed = served.get("/fail")

    assert (failed.status_code, failed.json()["status"]) == (500, 500)
    assert failed.headers["x-ratelimit-remaining"] == "59"


def test_headers_of_the_draft(serving: Serve) -> None:
    """By option."""
    with serving(limit("by_address", "100/minute"), headers="ietf") as served:
        headers = served.get().headers

    assert headers["ratelimit-policy"] == '"by_address";q=100;w=60'
    assert headers["ratelimit"] == '"by_address";r=99;t=1'
    assert "x-ratelimit-limit" not in headers


def test_no_headers(serving: Serve) -> None:
    """By option. A refusal still says when to come back."""
    with serving(limit(rate="1/minute"), headers="none") as served:
        assert not [name for name in served.get().headers if "ratelimit" in name]
        assert served.get().headers["retry-after"] == "60"


def test_those_who_share_a_limit_do_not_come_back_together(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Retry-After` of a limit for all is spread over as long again; it is never too early."""
    spread = iter((0, 1, 40, 60))
    asked: list[tuple[int, int]] = []

    def randint(least: int, most: int) -> int:
        asked.append((least, most))
        return next(spread)

    monkeypatch.setattr(random, "randint", randint)
    with serving(limit("together", "1/minute", by="global"), limit("alone", "2/minute")) as served:
        served.get()
        assert [served.get().headers["retry-after"] for _ in range(4)] == ["60", "61", "100", "120"]
        assert asked == [(0, 60)] * 4


def test_exempt_networks_and_callers(serving: Serve) -> None:
    """They use up nothing and are counted. An address of IPv4 in IPv6 is one of IPv4."""
    trusted = limit("trusted", "1/minute", exempt=("192.0.2.0/24", "2001:db8::/32"))
    batch = limit("batch", "1/minute", by="caller", exempt=("name:nightly",))
    before = count("trusted", "exempt")
    for address in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"):
        with serving(trusted, address=address) as served:
            assert served.statuses(3) == [200, 200, 200]
            assert "x-ratelimit-limit" not in served.get().headers
    assert count("trusted", "exempt") - before == 12
    for address in ("198.51.100.7", "testclient"):
        with serving(trusted, address=address) as served:
            assert served.statuses(2) == [200, 429]
    with serving(batch) as served:
        assert served.statuses(3, x_name="nightly") == [200, 200, 200]
        assert served.statuses(2, x_name="nightly2") == [200, 429]
        assert served.statuses(2) == [200, 429]


def test_clients_of_one_ipv6_network_are_one(serving: Serve) -> None:
    """Each customer has at least a /64: it must not have 2^64 limits."""
    with serving(limit("networks", "1/minute"), address="2001:db8:1:2::1") as served:
        assert served.statuses(2) == [200, 429]
        served.client._transport.client = ("2001:db8:1:2:ffff::9", 1)  # noqa: SLF001 - another client of the same service
        assert served.get().status_code == 429
        served.client._transport.client = ("2001:db8:1:3::1", 1)  # noqa: SLF001 - another client of the same service
        assert served.get().status_code == 200


def test_a_forwarded_address_is_not_believed(serving: Serve) -> None:
    """Otherwise a client would invent an address for each request."""
    with serving(limit("invented", "1/minute")) as served:
        assert [served.get(X_Forwarded_For=f"203.0.113.{n}").status_code for n in range(3)] == [200, 429, 429]


@pytest.mark.parametrize(
    ("client", "peer", "headers", "unknown"),
    [
        ("198.51.100.1", "198.51.100.1", [(b"x-forwarded-for", b"203.0.113.7")], True),
        ("198.51.100.1", "198.51.100.1", [(b"forwarded", b"for=203.0.113.7")], True),
        ("203.0.113.7", "198.51.100.1", [(b"x-forwarded-for", b"203.0.113.7")], False),
        ("198.51.100.1", "198.51.100.1", [(b"host", b"example.com")], False),
    ],
)
def test_a_proxy_that_is_not_trusted_is_recognised(
    client: str, peer: str, headers: Sequence[tuple[bytes, bytes]], *, unknown: bool
) -> None:
    """By a header that nobody used to find the client."""
    scope = {"client": (client, 0), PEER: (peer, 0), "headers": headers}

    assert comes_from_an_unknown_proxy(scope) is unknown


def test_clients_behind_a_trusted_proxy_have_their_own_limits(
    service: Service, settings: Settings, lines: Lines
) -> None:
    """The proxy names them."""
    app = create_app(
        settings.model_copy(update={"rate_limits": "on", "trusted_proxies": (ip_network("192.0.2.7"),)}),
        replace(service, components=[rate_limits(limit("proxied", "1/minute"))], routes=ROUTES),
        log_sink=lines,
    )
    with TestClient(app, client=("192.0.2.7", 1)) as client:
        statuses = [
            client.get("/items", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in (1, 1, 2, 2, 3)
        ]

    assert statuses == [200, 429, 200, 429, 200]


def test_refusals_are_security_events(serving: Serve, spans: InMemorySpanExporter) -> None:
    """All are counted, few are logged, and the name of a caller is not."""
    events = REGISTRY.get_sample_value("security_events_total", {"event": "rate_limited"}) or 0
    with serving(limit("events", "1/minute", by="caller")) as served:
        served.statuses(50, x_name="secret-key-4711")
        lines = served.lines

    assert REGISTRY.get_sample_value("security_events_total", {"event": "rate_limited"}) == events + 49
    assert len(lines.named("security.rate_limited")) <= 1
    assert count("events", "limited") == 49
    assert "secret-key-4711" not in b"".join(lines.raw).decode()
    refused = [line for line in lines.named("http.request_finished") if line["http_response_status_code"] == 429]
    assert {line["reason"] for line in refused} == {"rate limit events"}
    assert spans.get_finished_spans() == ()


def test_a_span_has_the_policy_that_refused(
    service: Service, settings: Settings, lines: Lines, spans: InMemorySpanExporter
) -> None:
    """Only a span of a refused request."""
    app = create_app(
        settings.model_copy(update={"rate_limits": "on"}),
        replace(service, components=[rate_limits(limit("spans", "1/minute"))], routes=ROUTES),
        log_sink=lines,
        span_processors=[SimpleSpanProcessor(spans)],
    )
    with TestClient(app) as client:
        client.get("/items")
        client.get("/items")

    passed, refused = [span.attributes or {} for span in spans.get_finished_spans()]
    assert "rate_limit.policy" not in passed
    assert refused["rate_limit.policy"] == "spans"
    assert refused["http.route"] == "/items"


def test_report_counts_and_refuses_nothing(serving: Serve) -> None:
    """The headers show what would apply."""
    with serving(limit("reporting", "1/minute"), mode="report") as served:
        assert served.statuses(3) == [200, 200, 200]
        assert served.get().headers["x-ratelimit-remaining"] == "0"

    assert (count("reporting", "allowed"), count("reporting", "reported"), count("reporting", "limited")) == (1, 3, 0)


def test_off_does_nothing(serving: Serve) -> None:
    """For emergencies."""
    with serving(limit("switched_off", "1/minute"), mode="off") as served:
        assert served.statuses(3) == [200, 200, 200]
        assert "x-ratelimit-limit" not in served.get().headers

    assert count("switched_off", "allowed") == 0


def test_all_outcomes_are_there_from_the_start(serving: Serve) -> None:
    """So that increase() sees the first refusal."""
    with serving(limit("fresh")):
        values = [
            REGISTRY.get_sample_value("rate_limit_requests_total", {"policy": "fresh", "outcome": outcome})
            for outcome in ("allowed", "limited", "reported", "exempt", "unchecked", "failed")
        ]
        assert values == [0] * 6
        assert REGISTRY.get_sample_value("rate_limit_keys", {"policy": "fresh"}) == 0
        assert REGISTRY.get_sample_value("rate_limit_evicted_keys_total", {"policy": "fresh"}) == 0


def test_probes_and_metrics_are_never_limited(serving: Serve) -> None:
    """An orchestrator must not restart a service because its clients are many."""
    with serving(limit("probes", "1/day", by="global")) as served:
        assert served.statuses(2) == [200, 429]
        for path in ("/health/live", "/health/ready", "/health/startup"):
            assert served.statuses(5, path) == [200] * 5


def test_a_path_that_no_operation_has_stops_the_start(service: Service, settings: Settings, lines: Lines) -> None:
    """A typing error must not leave a route without its limit."""
    wrong = limit("login", paths=("/login", "/items/*"), by="address")
    operations = [row for row in ROUTES if isinstance(row, Operation)]
    app = create_app(settings, replace(service, components=[rate_limits(wrong)], routes=operations), log_sink=lines)

    with (
        pytest.raises(ArrangementError, match="the rate limit 'login' names the path /login, which no operation has"),
        TestClient(app),
    ):
        pass


def test_handshakes_of_websockets_are_limited(serving: Serve) -> None:
    """Before the router and at the route: 429 in place of the upgrade."""
    for limited in (limit("sockets", "1/minute"), limit("socket", "1/minute", by=("address", "route"))):
        with serving(limited) as served:
            with served.client.websocket_connect("/listen"):
                pass
            with pytest.raises(WebSocketDisconnect) as denial, served.client.websocket_connect("/listen"):
                pass
            response = denial.value
            assert response.status_code == 429  # type: ignore[attr-defined] # a denial has a response
            assert response.headers["retry-after"] == "60"  # type: ignore[attr-defined] # as above


class Remote:
    """A store behind a network: it answers later, or not at all."""

    def __init__(self, standing: Standing | None) -> None:
        """Always the same answer, or an error."""
        self.standing = standing
        self.asked: list[list[tuple[str, str, int]]] = []

    async def take(self, claims: Sequence[Claim]) -> list[Standing]:
        """Answer after an iteration of the loop."""
        self.asked.append([(limit.name, key, cost) for limit, key, cost in claims])
        await asyncio.sleep(0)
        if self.standing is None:
            msg = "the store is down"
            raise ConnectionError(msg)
        return [self.standing for _ in claims]


class Broken:
    """A store that fails at once."""

    def take(self, claims: Sequence[Claim]) -> Awaitable[list[Standing]]:
        """Fail."""
        del claims
        msg = "no connection"
        raise OSError(msg)


def test_a_shared_store_is_asked_once_for_each_place(serving: Serve) -> None:
    """It gets the limits with keys and costs, and answers later."""
    remote = Remote((0, 5, SECOND))
    with serving(
        limit("outer"),
        limit("other", by="global"),
        limit("inner", by="caller"),
        store=lambda *_: remote,
        routes=[*ROUTES, COSTLY],
    ) as served:
        response = served.get("/imports", "POST")
        assert response.status_code == 201
        assert response.headers["x-ratelimit-remaining"] == "5"
        assert remote.asked == [
            [("outer", "192.0.2.7", 1), ("other", "", 1)],
            [("inner", "address:192.0.2.7", 2)],
        ]
        remote.standing = (61 * SECOND, 0, 61 * SECOND)
        assert served.get().headers["retry-after"] in {str(seconds) for seconds in range(61, 123)}


@pytest.mark.parametrize("store", [Remote(None), Broken()])
@pytest.mark.parametrize(("choice", "status", "outcome"), [("allow", 200, "unchecked"), ("refuse", 503, "failed")])
def test_a_store_that_fails(serving: Serve, store: Any, choice: Any, status: int, outcome: str) -> None:
    """Each limit says what happens. It is counted, and logged once; a 503 is the service's fault."""
    bad = {"slo": "availability", "outcome": "bad"}
    failures = REGISTRY.get_sample_value("slo_events_total", bad) or 0
    name = f"{choice}_{type(store).__name__.lower()}"
    with serving(limit(name, when_store_fails=choice), store=lambda *_: store) as served:
        assert served.statuses(5) == [status] * 5
        (line,) = served.lines.named("rate_limits.store_failed")
        assert ("retry-after" in served.get().headers) is (status == 503)

    assert line["error"].startswith(("ConnectionError", "OSError"))
    assert count(name, outcome) == 6
    assert (REGISTRY.get_sample_value("slo_events_total", bad) or 0) - failures == (6 if status == 503 else 0)


def test_long_names_take_no_more_memory_than_short_ones(serving: Serve) -> None:
    """A key is cut by hashing it, so two long names stay two."""
    remote = Remote((0, 5, SECOND))
    with serving(limit("long_names", by=("address", "caller")), store=lambda *_: remote) as served:
        for name in ("x" * 10_000, "x" * 10_001, "short"):
            served.get(x_name=name)

    keys = [key for ((_, key, _),) in remote.asked]
    assert len(set(keys)) == 3
    assert max(map(len, keys)) <= 128
    assert keys[2] == "192.0.2.7 name:short"
