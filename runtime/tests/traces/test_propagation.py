"""W3C Trace Context level 2 and Baggage: what is continued, refused and sent on, and what is not logged."""

from collections.abc import Sequence

import pytest
from opentelemetry import baggage, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.trace import SpanContext
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import Service, Settings
from firstlight.app import create_app
from firstlight.testing.lines import Lines
from firstlight.traces.propagation import HEADERS, NO_PARENT, install

from ..faults import IDENTITY

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"

Headers = Sequence[tuple[str, str]]


@pytest.fixture
def edge(settings: Settings) -> TextMapPropagator:
    """The propagator that reads incoming requests by default."""
    return install(settings)


def extract(edge: TextMapPropagator, headers: Headers) -> Context:
    """The context of a request with these headers."""
    return edge.extract([(name.encode(), value.encode("latin-1")) for name, value in headers], NO_PARENT, HEADERS)


def parent(edge: TextMapPropagator, headers: Headers) -> SpanContext:
    """The caller's span, which is invalid where there is none."""
    return trace.get_current_span(extract(edge, headers)).get_span_context()


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (VALID, 1),
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f"00-{TRACE}-{SPAN}-02", 2),
        (f"00-{TRACE}-{SPAN}-03", 3),
        (f" {VALID} ", 1),
        (f"\t{VALID}\t", 1),
        (f"01-{TRACE}-{SPAN}-01", 1),
        (f"cc-{TRACE}-{SPAN}-01", 1),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", 1),
        (f"fe-{TRACE}-{SPAN}-00-", 0),
    ],
)
def test_a_valid_parent_is_continued(edge: TextMapPropagator, value: str, flags: int) -> None:
    """A future version is read by the part that is known."""
    context = parent(edge, [("traceparent", value)])
    assert (context.trace_id, context.span_id) == (int(TRACE, 16), int(SPAN, 16))
    assert context.trace_flags & 3 == flags
    assert context.is_remote


@pytest.mark.parametrize(
    "value",
    [
        "",
        "garbage",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-extra",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01.what",
        f"cc-{TRACE}-{SPAN}-01.what",
        f"cc-{TRACE}-{SPAN}-011",
        f"0-{TRACE}-{SPAN}-01",
        f"0x-{TRACE}-{SPAN}-01",
        f"000-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"0A-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0A",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN[1:]}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"{VALID},{VALID}",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 9000}",
        f"00-{TRACE}-{SPAN}-01\xe9",
        f"00-{'٣' * 2}".encode().decode("latin-1"),
    ],
)
def test_any_other_parent_restarts_the_trace(edge: TextMapPropagator, value: str) -> None:
    """Only a valid header continues a trace."""
    assert not parent(edge, [("traceparent", value), ("tracestate", "a=1")]).is_valid


@pytest.mark.parametrize("second", [VALID, f"00-{TRACE}-{SPAN}-00", "garbage", ""])
def test_several_parents_restart_the_trace(edge: TextMapPropagator, second: str) -> None:
    """Exactly one is allowed; with several it is unknown which one is meant."""
    for headers in ([VALID, second], [second, VALID]):
        assert not parent(edge, [("traceparent", value) for value in headers]).is_valid


@pytest.mark.parametrize("name", ["trace-parent", "xtraceparent", "traceparentx"])
def test_similar_header_names_are_ignored(edge: TextMapPropagator, name: str) -> None:
    """Only `traceparent` is the header; ASGI servers pass names in lower case."""
    assert not parent(edge, [(name, VALID)]).is_valid


MEMBERS = [f"k{number}={number}" for number in range(33)]


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([], {}),
        ([""], {}),
        (["a=1"], {"a": "1"}),
        (["a=1,b=2"], {"a": "1", "b": "2"}),
        (["a=1", "b=2"], {"a": "1", "b": "2"}),
        (["a=1 , \tb=2\t"], {"a": "1", "b": "2"}),
        (["a=1,,b=2", "", ","], {"a": "1", "b": "2"}),
        (["a= 1"], {"a": " 1"}),
        ([",".join(MEMBERS[:32])], dict(member.split("=") for member in MEMBERS[:32])),
        ([",".join(MEMBERS[:20]), ",".join(MEMBERS[20:32])], dict(member.split("=") for member in MEMBERS[:32])),
        ([f"{'k' * 256}=1"], {"k" * 256: "1"}),
        (["fw529a3039@dt=1"], {"fw529a3039@dt": "1"}),
        ([f"{'t' * 241}@{'v' * 14}=1"], {f"{'t' * 241}@{'v' * 14}": "1"}),
        ([f"{'t' * 242}@v=1"], {f"{'t' * 242}@v": "1"}),
        ([f"t@{'v' * 15}=1"], {f"t@{'v' * 15}": "1"}),
        (["t@=1"], {"t@": "1"}),
        (["t@v@w=1"], {"t@v@w": "1"}),
        (["0=1"], {"0": "1"}),
        (["a=1,a=2"], {"a": "1"}),
        (["a=1,b=1", "b=2,a=2"], {"a": "1", "b": "1"}),
        (["", "a=1", ""], {"a": "1"}),
        ([",".join(MEMBERS[:32]), ""], dict(member.split("=") for member in MEMBERS[:32])),
        (["a=!~ ;<>:"], {"a": "!~ ;<>:"}),
        ([f"a={'v' * 256}"], {"a": "v" * 256}),
        (["a/*_-b=1"], {"a/*_-b": "1"}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_valid_state_is_kept_in_order(edge: TextMapPropagator, values: list[str], state: dict[str, str]) -> None:
    """All header lines are one list."""
    context = parent(edge, [("traceparent", VALID), *[("tracestate", value) for value in values]])
    assert list(context.trace_state.items()) == list(state.items())
    assert context.is_valid


@pytest.mark.parametrize(
    "values",
    [
        [",".join(MEMBERS)],
        [",".join(MEMBERS[:20]), ",".join(MEMBERS[20:])],
        [",".join(["a=1"] * 33)],
        [f"{'k' * 257}=1"],
        ["a"],
        ["a="],
        ["=1"],
        ["A=1"],
        ["a b=1"],
        ["a =1"],
        ["a=1=2"],
        ["@v=1"],
        ["-a=1"],
        ["a.b=1"],
        ["a\t=1"],
        ["a=1\x7f"],
        ["a=b\tc"],
        ["a=\xe9"],
        ["a=1,evil\x1b[2J=2"],
        [f"a={'v' * 257}"],
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_invalid_state_is_dropped_whole_and_the_parent_kept(edge: TextMapPropagator, values: list[str]) -> None:
    """One invalid member invalidates the list, not the trace."""
    context = parent(edge, [("traceparent", VALID), *[("tracestate", value) for value in values]])
    assert dict(context.trace_state) == {}
    assert context.is_valid


def test_a_state_without_a_parent_is_ignored(edge: TextMapPropagator) -> None:
    """`tracestate` alone continues no trace."""
    context = parent(edge, [("tracestate", "a=1")])
    assert (context.is_valid, dict(context.trace_state)) == (False, {})


def test_the_names_of_the_headers_can_be_listed() -> None:
    """Other propagators use this part of the interface."""
    assert HEADERS.keys([(b"a", b"1"), (b"b", b"2")]) == ["a", "b"]
    assert HEADERS.get([(b"a", b"1"), (b"a", b"2")], "a") == ["1", "2"]
    assert HEADERS.get([(b"a", b"1")], "b") is None


@pytest.mark.parametrize("accept", [True, False])
def test_baggage_is_let_in_only_where_allowed(settings: Settings, accept: bool) -> None:  # noqa: FBT001 - a table
    """Its content would be sent on to every dependency."""
    edge = install(settings.model_copy(update={"accept_baggage": accept}))
    context = extract(edge, [("traceparent", VALID), ("baggage", "user=7,tier=gold")])
    assert dict(baggage.get_all(context)) == ({"user": "7", "tier": "gold"} if accept else {})
    assert trace.get_current_span(context).get_span_context().is_valid


@pytest.mark.parametrize(
    ("incoming", "sampler", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-01", sampling.ALWAYS_ON, "01"),
        (f"00-{TRACE}-{SPAN}-03", sampling.ALWAYS_ON, "03"),
        (f"00-{TRACE}-{SPAN}-ff", sampling.ALWAYS_ON, "03"),
        (f"00-{TRACE}-{SPAN}-01", sampling.ALWAYS_OFF, "00"),
        (f"00-{TRACE}-{SPAN}-02", sampling.ALWAYS_OFF, "02"),
    ],
)
def test_what_goes_out_continues_what_came_in(
    edge: TextMapPropagator, incoming: str, sampler: sampling.Sampler, flags: str
) -> None:
    """The caller's trace and random flag, this service's span and decision; unknown flags are not passed on."""
    context = extract(edge, [("traceparent", incoming), ("tracestate", "a=1"), ("tracestate", "b=2")])
    tracer = TracerProvider(sampler, shutdown_on_exit=False).get_tracer("test")
    span = tracer.start_span("ours", context)
    carrier: dict[str, str] = {}
    propagate.inject(carrier, trace.set_span_in_context(span, context))
    ours = span.get_span_context()
    assert carrier == {"traceparent": f"00-{TRACE}-{ours.span_id:016x}-{flags}", "tracestate": "a=1,b=2"}
    assert ours.span_id != int(SPAN, 16)


def test_a_new_trace_says_that_its_id_is_random(edge: TextMapPropagator) -> None:
    """The random flag of level 2 allows sampling by the id."""
    del edge
    carrier: dict[str, str] = {}
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("root", NO_PARENT)
    propagate.inject(carrier, trace.set_span_in_context(span, NO_PARENT))
    assert carrier["traceparent"].endswith("-03")


def test_without_a_span_nothing_goes_out(edge: TextMapPropagator) -> None:
    """A background task without a span sends no header."""
    del edge
    carrier: dict[str, str] = {}
    propagate.inject(carrier, NO_PARENT)
    assert carrier == {}


async def outgoing(_: Request) -> Response:
    """The headers that a call from inside this request carries."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return JSONResponse(carrier)


@pytest.fixture
def public(settings: Settings, lines: Lines) -> TestClient:
    """A service with a route that shows what it sends on; baggage is accepted."""
    service = Service(identity=IDENTITY, routes=[Route("/outgoing", outgoing)])
    return TestClient(create_app(settings.model_copy(update={"accept_baggage": True}), service, log_sink=lines))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("traceparent", "00-evil-evil-01"),
        ("traceparent", f"cc-{TRACE}-{SPAN}-01-evil" + "x" * 600),
        ("tracestate", "evil"),
        ("tracestate", "evil=1,evil=2"),
        ("tracestate", ",".join(f"evil{number}=1" for number in range(40))),
        ("tracestate", "evil" * 3000),
        ("baggage", "evil"),
        ("baggage", "evil;=;=,=evil"),
        ("baggage", "evil=" + "x" * 9000),
        ("baggage", ",".join(f"evil{number}=1" for number in range(200))),
        ("baggage", "\xe9vil=evil"),
    ],
    ids=lambda value: value[:20],
)
def test_no_header_of_a_client_is_logged(public: TestClient, lines: Lines, name: str, value: str) -> None:
    """Libraries that warn about a header would write it into the log."""
    headers = {"traceparent": VALID.encode(), name: value.encode("latin-1")}
    answer = public.get("/outgoing", headers=headers)  # type: ignore[arg-type] # bytes, as on the wire
    assert answer.status_code == 200
    assert b"evil" not in b"".join(lines.raw)


def test_a_request_sends_on_its_own_span(public: TestClient, lines: Lines) -> None:
    """An outgoing call carries the span that the access event names, and accepted baggage."""
    with public:
        answer = public.get("/outgoing", headers={"traceparent": VALID, "baggage": "user=7"}).json()
    (line,) = lines.named("http.request_finished")
    assert answer == {"traceparent": f"00-{TRACE}-{line['span_id']}-01", "baggage": "user=7"}
