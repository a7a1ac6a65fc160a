"""How long a request may take is declared with its route, and counted by the objective that it says."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.testclient import TestClient

from firstlight import ArrangementError, Component, Latency, NoSettings, Operation, Service, Settings, nothing
from firstlight.app import create_app
from firstlight.metrics.instruments import REGISTRY
from firstlight.requests.timings import Timings
from firstlight.slo import Objective
from firstlight.testing.lines import Lines

from ..faults import IDENTITY

SECOND = 1_000_000_000
STANDARD = 0.25  # the threshold of the service in these tests
Rows = Sequence[BaseRoute | Operation]
Latencies = Mapping[str, Latency | None]


async def answer(_: Request) -> Response:
    """Answer."""
    return PlainTextResponse("here")


async def other(_: Request) -> Response:
    """Answer as well."""
    return PlainTextResponse("here")


class Report(HTTPEndpoint):
    """A class as an endpoint: of every method."""


def operation(method: str = "GET", path: str = "/items/{id:int}", **members: Any) -> Operation:
    """A row."""
    return Operation(**{"method": method, "path": path, "handler": answer, **members})


def timings(settings: Settings, routes: Rows, latency: Latencies | None = None) -> Timings:
    """Those of a service of these routes."""
    component = Component(name="empty", settings=NoSettings, open=nothing)
    service = Service(identity=IDENTITY, routes=routes, latency=latency or {}, components=[component])
    settings = settings.model_copy(update={"slo_latency_seconds": STANDARD})
    return Timings(service, settings, Objective("latency", settings.slo_latency, STANDARD).export())


def seconds(timings: Timings, method: str, template: str) -> float | None:
    """The threshold of a request; none where no objective holds it."""
    timing = timings.of(method, template)
    return None if timing is None else timing.threshold / SECOND


def test_what_is_not_declared_has_the_threshold_of_the_service(settings: Settings) -> None:
    """Every method and path, those of no route too."""
    made = timings(settings, [operation(), Route("/plain", answer)])

    for method, template in [("GET", "/items/{id}"), ("HEAD", "/plain"), ("_OTHER", "/plain"), ("GET", "unmatched")]:
        assert made.of(method, template) == made.standard
    assert (made.standard.threshold, made.standard.to_first_byte) == (STANDARD * SECOND, False)


def test_an_operation_declares_its_own(settings: Settings) -> None:
    """For its method, and a HEAD with the GET; another method of the path keeps the standard."""
    made = timings(settings, [operation(latency=Latency(seconds=1.0)), operation("PUT")])

    assert [seconds(made, method, "/items/{id}") for method in ("GET", "HEAD", "PUT")] == [1.0, 1.0, STANDARD]


@pytest.mark.parametrize("order", [1, -1])
def test_a_head_that_is_an_operation_of_its_own_keeps_its_own(settings: Settings, order: int) -> None:
    """Declared or not, before the GET or after it."""
    for latency, expected in ((Latency(), STANDARD), (Latency(seconds=0.1), 0.1), (None, None)):
        rows = [operation(latency=Latency(seconds=1.0)), operation("HEAD", latency=latency)][::order]
        made = timings(settings, rows)
        assert (seconds(made, "GET", "/items/{id}"), seconds(made, "HEAD", "/items/{id}")) == (1.0, expected)


def test_none_takes_a_route_out(settings: Settings) -> None:
    """As an operation and as a path."""
    made = timings(settings, [operation(latency=None), Route("/plain", answer)], {"/plain": None})

    for method in ("GET", "HEAD"):
        assert made.of(method, "/items/{id}") is None
        assert made.of(method, "/plain") is None


def test_a_path_stands_for_all_its_routes(settings: Settings) -> None:
    """Each for its methods; a class and an application have them all."""
    rows = [
        Route("/items/{id:int}", answer),
        Route("/items/{id:int}", other, methods=["POST", "PUT"]),
        Route("/report", Report),
        Mount("/assets", app=PlainTextResponse("asset")),
    ]
    slow = Latency(seconds=5.0)
    made = timings(settings, rows, {"/items/{id:int}": slow, "/report": slow, "/assets": slow})

    assert {seconds(made, method, "/items/{id}") for method in ("GET", "HEAD", "POST", "PUT")} == {5.0}
    assert {seconds(made, method, "/report") for method in ("GET", "POST", "DELETE", "_OTHER")} == {5.0}
    assert {seconds(made, method, "/assets") for method in ("GET", "POST", "_OTHER")} == {5.0}
    assert seconds(made, "DELETE", "/items/{id}") == STANDARD


def test_a_path_below_mounts_and_hosts_is_found(settings: Settings) -> None:
    """As the label of the route joins it, converters left out."""
    rows = [
        Mount("/tenants/{tenant}", routes=[Mount("/users", routes=[Route("/{id:uuid}", answer)])]),
        Host("{name}.example.com", app=Router(routes=[Route("/hosted", answer)])),
    ]
    made = timings(settings, rows, {"/tenants/{tenant}/users/{id:uuid}": None, "/hosted": None})

    assert made.of("GET", "/tenants/{tenant}/users/{id}") is None
    assert made.of("GET", "/hosted") is None
    assert made.of("GET", "/tenants/{tenant}") is made.standard


def test_an_objective_of_its_own_is_exported_with_both_events(settings: Settings) -> None:
    """Under the name of the handler."""
    timings(settings, [operation(latency=Latency(seconds=2.5, ratio=0.95))])

    labels = {"slo": "latency.answer"}
    assert REGISTRY.get_sample_value("slo_objective_ratio", labels) == 0.95
    assert REGISTRY.get_sample_value("slo_threshold_seconds", labels) == 2.5
    for outcome in ("good", "bad"):
        assert REGISTRY.get_sample_value("slo_events_total", {**labels, "outcome": outcome}) is not None


def test_an_objective_without_a_threshold_has_that_of_the_service(settings: Settings) -> None:
    """Only the ratio differs then."""
    made = timings(settings, [Route("/plain", other)], {"/plain": Latency(ratio=0.999)})

    assert seconds(made, "GET", "/plain") == STANDARD
    assert REGISTRY.get_sample_value("slo_threshold_seconds", {"slo": "latency.other"}) == STANDARD


def test_two_methods_of_a_path_may_share_what_the_path_declares(settings: Settings) -> None:
    """One objective, named after the first of the routes."""
    rows = [Route("/plain", other), Route("/plain", answer, methods=["POST"])]
    made = timings(settings, rows, {"/plain": Latency(ratio=0.999)})

    get, post = made.of("GET", "/plain"), made.of("POST", "/plain")
    assert get is not None
    assert post is not None
    assert get.good is post.good


OWN = Latency(ratio=0.95)
REFUSED: list[tuple[str, Rows, Latencies]] = [
    (r"^`latency` of the service names '/nowhere', which is the path of no route$", [], {"/nowhere": None}),
    (
        r"names '/items/\{id\}', which is the path of no route$",
        [Route("/items/{id:int}", answer)],
        {"/items/{id}": OWN},
    ),
    (r"names '/items/\{id:int\}'; declare it in `latency` of its operations", [operation()], {"/items/{id:int}": OWN}),
    (r"names '/live', which is the path of no route$", [WebSocketRoute("/live", answer)], {"/live": None}),
    (r"^the latency of /items/\{id:int\} must be a bucket .*, not 0.3$", [operation(latency=Latency(seconds=0.3))], {}),
    (r"^the latency of /items/\{id:int\} must be a bucket .*, not 0$", [operation(latency=Latency(seconds=0))], {}),
    (r"^the objective latency.answer must be a bucket", [operation(latency=Latency(seconds=3, ratio=0.95))], {}),
    (r"^the objective latency.answer must be a ratio", [operation(latency=Latency(ratio=0.9))], {}),
    (r"^the objective latency.answer must be a ratio", [operation(latency=Latency(ratio=0))], {}),
    (r"^the objective latency.answer must be a ratio", [operation(latency=Latency(ratio=1.0))], {}),
    (r"^the objective 'latency.Report' must have a name in lower case", [Route("/report", Report)], {"/report": OWN}),
    (
        r"^/a and /b would share the objective latency.answer; rename one of the handlers$",
        [operation(path="/a", latency=OWN), operation(path="/b", latency=OWN)],
        {},
    ),
    (
        r"^/a and /a would share the objective latency.answer",
        [operation(path="/a", latency=OWN), operation("PUT", path="/a", latency=OWN)],
        {},
    ),
    (
        r"^/a and /b would share the objective latency.answer",
        [operation(path="/a", latency=OWN), Route("/b", answer)],
        {"/b": OWN},
    ),
]


@pytest.mark.parametrize(("sentence", "rows", "latency"), REFUSED, ids=[sentence for sentence, _, _ in REFUSED])
def test_what_no_rule_could_alert_on_is_refused(
    settings: Settings, sentence: str, rows: Rows, latency: Latencies
) -> None:
    """At the start, in one sentence."""
    with pytest.raises(ArrangementError, match=sentence):
        timings(settings, rows, latency)


def test_a_name_that_no_objective_could_have_is_fine_without_one(settings: Settings) -> None:
    """Only a ratio needs the name."""
    made = timings(settings, [Route("/report", Report)], {"/report": Latency(seconds=1.0)})
    assert seconds(made, "GET", "/report") == 1.0


@dataclass
class Clock:
    """The clock of the data plane."""

    now: int = field(default=5 * SECOND)

    def __call__(self) -> int:
        """Nanoseconds."""
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the data plane reads."""
    made = Clock()
    monkeypatch.setattr(time, "perf_counter_ns", made)
    return made


def events() -> dict[tuple[str, str], float]:
    """How many of each."""
    families = [family for family in REGISTRY.collect() if family.name == "slo_events"]
    samples = [sample for family in families for sample in family.samples]
    return {(sample.labels["slo"], sample.labels["outcome"]): sample.value for sample in samples}


GOOD, BAD = "good", "bad"
COUNTED: list[tuple[str, dict[str, str]]] = [
    ("/take?seconds=0.25", {"availability": GOOD, "latency": GOOD}),
    ("/take?seconds=0.26", {"availability": GOOD, "latency": BAD}),
    ("/patient?seconds=0.9", {"availability": GOOD, "latency": GOOD}),
    ("/patient?seconds=1.1", {"availability": GOOD, "latency": BAD}),
    ("/apart?seconds=0.9", {"availability": GOOD, "latency.apart": GOOD}),
    ("/apart?seconds=1.1", {"availability": GOOD, "latency.apart": BAD}),
    ("/endless?seconds=9", {"availability": GOOD}),
    ("/stream?seconds=0.2", {"availability": GOOD, "latency": GOOD}),
    ("/stream?seconds=0.3", {"availability": GOOD, "latency": BAD}),
    ("/fail?seconds=0", {"availability": BAD, "latency": GOOD}),
    ("/fail?seconds=9", {"availability": BAD, "latency": BAD}),
    ("/nowhere", {"availability": GOOD, "latency": GOOD}),
]


@pytest.mark.parametrize(("target", "expected"), COUNTED, ids=[target for target, _ in COUNTED])
def test_a_request_counts_where_its_route_says(
    settings: Settings, clock: Clock, lines: Lines, target: str, expected: Mapping[str, str]
) -> None:
    """Into availability always; into one latency objective at most."""

    async def take(request: Request) -> Response:
        clock.pass_by(float(request.query_params["seconds"]))
        return PlainTextResponse("taken")

    async def stream(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            clock.pass_by(float(request.query_params["seconds"]))
            yield b"first"
            clock.pass_by(60)
            yield b"last"

        return StreamingResponse(chunks())

    async def fail(request: Request) -> NoReturn:
        clock.pass_by(float(request.query_params["seconds"]))
        msg = "on demand"
        raise RuntimeError(msg)

    async def apart(request: Request) -> Response:
        return await take(request)

    rows: Rows = [
        Route("/take", take),
        operation(path="/patient", handler=take, latency=Latency(seconds=1.0)),
        operation(path="/apart", handler=apart, latency=Latency(seconds=1.0, ratio=0.95)),
        Route("/endless", take),
        operation(path="/stream", handler=stream, latency=Latency(to_first_byte=True)),
        Route("/fail", fail),
    ]
    service = Service(identity=IDENTITY, routes=rows, latency={"/endless": None})
    settings = settings.model_copy(update={"slo_latency_seconds": STANDARD})
    client = TestClient(create_app(settings, service, log_sink=lines), raise_server_exceptions=False)
    before = events()

    client.get(target)

    counted = {key: count - before.get(key, 0) for key, count in events().items()}
    assert {slo: outcome for (slo, outcome), count in counted.items() if count} == expected
    assert set(counted.values()) <= {0, 1}
