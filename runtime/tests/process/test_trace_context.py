"""W3C Trace Context level 2, from the headers of a request to those of the calls that it makes.

Each row is a sentence of the recommendation: https://www.w3.org/TR/trace-context-2/, sections 3.2 to 3.5.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import PROGRAMS
from ..programs.relay import SERVICE
from .behind import Behind
from .conftest import Receiver, Wire

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[0-3])")
MEMBERS = [f"k{number}={number}" for number in range(33)]
KEY_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@"
VALUE_CHARACTERS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")


class Out(NamedTuple):
    """The trace headers of a call."""

    trace_id: str
    parent_id: str
    flags: str
    state: list[str]


class Relay:
    """The service under test, and the second service that it calls."""

    def __init__(self, service: ServiceProcess, wire: Wire, behind: Behind) -> None:
        """Both run. `wire` is a connection to the first."""
        self.service = service
        self._wire = wire
        self._behind = behind

    def calls(self, *lines: str, count: int = 1) -> list[Out]:
        """Send a request with these header lines. What its calls carry, each with exactly one valid `traceparent`."""
        before = len(self._behind.seen("/plain"))
        head = [f"GET /relay/plain?calls={count} HTTP/1.1", "host: test", *lines, "", ""]
        self._wire.send("\r\n".join(head).encode("latin-1"))
        assert self._wire.receive().status == 200
        seen = self._behind.seen("/plain")[before:]
        assert len(seen) == count
        outs = []
        for each in seen:
            (parent,) = each.all("traceparent")
            fields = SENT.fullmatch(parent)
            assert fields, parent
            assert int(fields[1], 16)
            assert int(fields[2], 16)
            outs.append(Out(fields[1], fields[2], fields[3], each.all("tracestate")))
        return outs

    def call(self, *lines: str) -> Out:
        """`calls` for a request with one call."""
        (out,) = self.calls(*lines)
        return out


@pytest.fixture(scope="module")
def behind() -> Iterator[Behind]:
    """The second service."""
    with Behind() as server:
        yield server


def _relay(behind: Behind, **environment: str) -> Iterator[Relay]:
    settings = {"HTTP_CLIENT_DEPENDENCIES": f"behind={behind.url}", "TRUST_REMOTE_PARENT": "true", **environment}
    with closing(ServiceProcess([str(PROGRAMS / "relay.py")], settings, without=variables(SERVICE))) as process:
        with Wire(process.started().url) as wire:
            yield Relay(process, wire, behind)
        assert process.terminate() == 0
        assert process.error == ""


@pytest.fixture(scope="module")
def relay(behind: Behind, receive: Callable[..., Receiver]) -> Iterator[Relay]:
    """A service that exports spans."""
    yield from _relay(behind, OTEL_EXPORTER_OTLP_ENDPOINT=receive().url)


@pytest.fixture(scope="module")
def silent(behind: Behind) -> Iterator[Relay]:
    """A service that exports no spans."""
    yield from _relay(behind)


CONTINUED = {
    "sampled": (f"traceparent: 00-{TRACE}-{PARENT}-01", "01"),
    "not sampled": (f"traceparent: 00-{TRACE}-{PARENT}-00", "00"),
    "random": (f"traceparent: 00-{TRACE}-{PARENT}-02", "02"),
    "random and sampled": (f"traceparent: 00-{TRACE}-{PARENT}-03", "03"),
    "flags of the future": (f"traceparent: 00-{TRACE}-{PARENT}-ff", "03"),
    "only flags of the future": (f"traceparent: 00-{TRACE}-{PARENT}-fc", "00"),
    "upper case name": (f"TRACEPARENT: 00-{TRACE}-{PARENT}-01", "01"),
    "mixed case name": (f"TrAcEpArEnT: 00-{TRACE}-{PARENT}-01", "01"),
    "spaces around": (f"traceparent:   00-{TRACE}-{PARENT}-01  ", "01"),
    "tabs around": (f"traceparent:\t \t00-{TRACE}-{PARENT}-01 \t", "01"),
    "no space": (f"traceparent:00-{TRACE}-{PARENT}-01", "01"),
    "next version": (f"traceparent: 01-{TRACE}-{PARENT}-01", "01"),
    "future version": (f"traceparent: cc-{TRACE}-{PARENT}-01", "01"),
    "future version with more": (f"traceparent: cc-{TRACE}-{PARENT}-01-what-comes", "01"),
    "last version with an empty rest": (f"traceparent: fe-{TRACE}-{PARENT}-00-", "00"),
    "future version with other flags": (f"traceparent: cc-{TRACE}-{PARENT}-09", "01"),
}


@pytest.mark.parametrize("name", CONTINUED)
def test_a_valid_traceparent_is_continued(relay: Relay, name: str) -> None:
    """Version 00, the same trace id, the known flags, and our own span id."""
    line, flags = CONTINUED[name]
    out = relay.call(line, "tracestate: rojo=1")
    assert (out.trace_id, out.flags, out.state) == (TRACE, flags, ["rojo=1"])
    assert out.parent_id != PARENT


RESTARTED = {
    "none": [],
    "empty": ["traceparent:"],
    "blank": ["traceparent:  \t "],
    "another name": [f"trace-parent: 00-{TRACE}-{PARENT}-01"],
    "a name with a dot": [f"trace.parent: 00-{TRACE}-{PARENT}-01"],
    "version ff": [f"traceparent: ff-{TRACE}-{PARENT}-01"],
    "version with a letter that is no digit": [f"traceparent: 0g-{TRACE}-{PARENT}-01"],
    "version with a dot": [f"traceparent: .0-{TRACE}-{PARENT}-01"],
    "version in upper case": [f"traceparent: CC-{TRACE}-{PARENT}-01"],
    "version too long": [f"traceparent: 000-{TRACE}-{PARENT}-01"],
    "version much too long": [f"traceparent: 0000-{TRACE}-{PARENT}-01"],
    "version too short": [f"traceparent: 0-{TRACE}-{PARENT}-01"],
    "no version": [f"traceparent: {TRACE}-{PARENT}-01"],
    "trace id of zeros": [f"traceparent: 00-{'0' * 32}-{PARENT}-01"],
    "trace id of zeros in the future": [f"traceparent: cc-{'0' * 32}-{PARENT}-01"],
    "trace id in upper case": [f"traceparent: 00-{TRACE.upper()}-{PARENT}-01"],
    "trace id with a dot": [f"traceparent: 00-.{TRACE[1:]}-{PARENT}-01"],
    "trace id with another letter": [f"traceparent: 00-{TRACE[:-1]}g-{PARENT}-01"],
    "trace id too long": [f"traceparent: 00-{TRACE}1-{PARENT}-01"],
    "trace id too short": [f"traceparent: 00-{TRACE[1:]}-{PARENT}-01"],
    "parent id of zeros": [f"traceparent: 00-{TRACE}-{'0' * 16}-01"],
    "parent id in upper case": [f"traceparent: 00-{TRACE}-{PARENT.upper()}-01"],
    "parent id with a dot": [f"traceparent: 00-{TRACE}-.{PARENT[1:]}-01"],
    "parent id with another letter": [f"traceparent: 00-{TRACE}-{PARENT[:-1]}x-01"],
    "parent id too long": [f"traceparent: 00-{TRACE}-{PARENT}1-01"],
    "parent id too short": [f"traceparent: 00-{TRACE}-{PARENT[1:]}-01"],
    "flags with a dot": [f"traceparent: 00-{TRACE}-{PARENT}-.0"],
    "flags with another letter": [f"traceparent: 00-{TRACE}-{PARENT}-0x"],
    "flags in upper case": [f"traceparent: 00-{TRACE}-{PARENT}-0A"],
    "flags too long": [f"traceparent: 00-{TRACE}-{PARENT}-001"],
    "flags too short": [f"traceparent: 00-{TRACE}-{PARENT}-1"],
    "flags missing": [f"traceparent: 00-{TRACE}-{PARENT}-"],
    "no flags": [f"traceparent: 00-{TRACE}-{PARENT}"],
    "more in version 00": [f"traceparent: 00-{TRACE}-{PARENT}-01-more"],
    "a dash at the end of version 00": [f"traceparent: 00-{TRACE}-{PARENT}-01-"],
    "a dot at the end of version 00": [f"traceparent: 00-{TRACE}-{PARENT}-01."],
    "more without a dash in the future": [f"traceparent: cc-{TRACE}-{PARENT}-01.more"],
    "long flags in the future": [f"traceparent: cc-{TRACE}-{PARENT}-011"],
    "too short in the future": [f"traceparent: cc-{TRACE}-{PARENT}"],
    "prohibitively large": [f"traceparent: cc-{TRACE}-{PARENT}-01-{'x' * 9000}"],
    "other separators": [f"traceparent: 00_{TRACE}_{PARENT}_01"],
    "a space inside": [f"traceparent: 00-{TRACE} -{PARENT}-01"],
    "quoted": [f'traceparent: "00-{TRACE}-{PARENT}-01"'],
    "two in one": [f"traceparent: 00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01"],
    "twice": [f"traceparent: 00-{TRACE}-{PARENT}-01"] * 2,
    "two that differ": [f"traceparent: 00-{TRACE}-{PARENT}-01", f"traceparent: 00-{TRACE[::-1]}-{PARENT}-01"],
    "one valid and one not": ["traceparent: nonsense", f"Traceparent: 00-{TRACE}-{PARENT}-01"],
    "one valid and one empty": [f"traceparent: 00-{TRACE}-{PARENT}-01", "traceparent:"],
}


@pytest.mark.parametrize("name", RESTARTED)
def test_any_other_traceparent_restarts_the_trace(relay: Relay, name: str) -> None:
    """With a random trace id, the random flag, and without `tracestate`."""
    out = relay.call(*RESTARTED[name], "tracestate: rojo=1")
    assert out.trace_id not in {TRACE, TRACE[::-1]}
    assert (out.flags, out.state) == ("03", [])


STATES = {
    "none": ([], ""),
    "one": (["rojo=1"], "rojo=1"),
    "two": (["rojo=1,congo=2"], "rojo=1,congo=2"),
    "two lines": (["rojo=1", "congo=2"], "rojo=1,congo=2"),
    "many lines": (["a=1,b=2", "c=3,d=4", "e=5"], "a=1,b=2,c=3,d=4,e=5"),
    "empty": ([""], ""),
    "blank": (["  "], ""),
    "empty line before": (["", "rojo=1"], "rojo=1"),
    "empty line behind": (["rojo=1", ""], "rojo=1"),
    "empty members": (["rojo=1,,congo=2,", " , \t"], "rojo=1,congo=2"),
    "spaces": (["rojo=1 \t , \t congo=2, \t a=3"], "rojo=1,congo=2,a=3"),
    "spaces at the ends": (["\t rojo=1 \t"], "rojo=1"),
    "leading spaces of a value": (["rojo=  1"], "rojo=  1"),
    "spaces inside a value": (["rojo=1  2 3"], "rojo=1  2 3"),
    "every character of a key": ([f"{KEY_CHARACTERS}=1"], f"{KEY_CHARACTERS}=1"),
    "every character of a value": ([f"a={VALUE_CHARACTERS}"], f"a={VALUE_CHARACTERS}"),
    "a digit first": (["0a=1"], "0a=1"),
    "a tenant": (["fw529a3039@dt=1"], "fw529a3039@dt=1"),
    "no vendor": (["foo@=1,bar=2"], "foo@=1,bar=2"),
    "two at signs": (["foo@@bar=1,bar=2"], "foo@@bar=1,bar=2"),
    "three parts": (["foo@bar@baz=1,bar=2"], "foo@bar@baz=1,bar=2"),
    "long tenant": ([f"{'t' * 242}@v=1"], f"{'t' * 242}@v=1"),
    "long vendor": ([f"t@{'v' * 250}=1"], f"t@{'v' * 250}=1"),
    "longest key": (["a=1", f"{'z' * 256}=1"], f"a=1,{'z' * 256}=1"),
    "longest value": ([f"a={'z' * 256}"], f"a={'z' * 256}"),
    "most members": ([",".join(MEMBERS[:32])], ",".join(MEMBERS[:32])),
    "most members in lines": ([",".join(MEMBERS[:20]), ",".join(MEMBERS[20:32])], ",".join(MEMBERS[:32])),
    "the same key": (["foo=1,foo=2"], "foo=1"),
    "the same member": (["foo=1,foo=1"], "foo=1"),
    "the same key in lines": (["foo=1,a=1", "foo=2"], "foo=1,a=1"),
    "512 characters": ([f"a={'v' * 253},b={'v' * 254}"], f"a={'v' * 253},b={'v' * 254}"),
    "513 characters": ([f"a={'v' * 254},b={'v' * 254}"], f"a={'v' * 254}"),
    "large ones first": ([f"a={'v' * 200},b=1,c={'v' * 250},d={'v' * 90}"], f"a={'v' * 200},b=1,d={'v' * 90}"),
}
DROPPED = {
    "33 members": [",".join(MEMBERS)],
    "33 members in lines": [",".join(MEMBERS[:20]), ",".join(MEMBERS[20:])],
    "33 of one key": [",".join(["a=1"] * 33)],
    "key too long": ["a=1", f"{'z' * 257}=1"],
    "value too long": ["a=1", f"b={'z' * 257}"],
    "key in upper case": ["a=1,FOO=1"],
    "key with a dot": ["a=1,foo.bar=1"],
    "key with a space": ["a=1,foo =1"],
    "key with a tab": ["a=1,foo\t=1"],
    "at sign first": ["@foo=1,bar=2"],
    "dash first": ["-foo=1,bar=2"],
    "no key": ["a=1,=1"],
    "no value": ["foo=,bar=3"],
    "blank value": ["foo=  ,bar=3"],
    "no equals sign": ["a=1,foo"],
    "two equals signs": ["foo=bar=baz"],
    "a tab in a value": ["foo=1\t2"],
    "not ASCII": ["foo=\xe9"],
    "semicolons between members": ["a=1;b=2"],
    "megabytes": [f"a=1,{',' * 20_000}b=2"],
}


@pytest.mark.parametrize("name", STATES)
def test_a_valid_tracestate_is_sent_on(relay: Relay, name: str) -> None:
    """In one line and the same order, each key once, at most 512 characters."""
    lines, state = STATES[name]
    out = relay.call(f"traceparent: 00-{TRACE}-{PARENT}-00", *[f"tracestate: {line}" for line in lines])
    assert (out.trace_id, out.state) == (TRACE, [state] if state else [])


@pytest.mark.parametrize("name", DROPPED)
def test_an_invalid_tracestate_is_dropped_and_the_trace_goes_on(relay: Relay, name: str) -> None:
    """The whole header is dropped."""
    lines = [f"tracestate: {line}" for line in DROPPED[name]]
    out = relay.call(f"traceparent: 00-{TRACE}-{PARENT}-00", *lines)
    assert (out.trace_id, out.state) == (TRACE, [])


@pytest.mark.parametrize("header", ["TraceState", "TRACESTATE", "tracestate"])
def test_the_case_of_the_name_of_tracestate_does_not_matter(relay: Relay, header: str) -> None:
    """As for every header. A similar name is another header."""
    parent = f"traceparent: 00-{TRACE}-{PARENT}-00"
    assert relay.call(parent, f"{header}: a=1").state == ["a=1"]
    assert relay.call(parent, "trace-state: a=1", "trace.state: a=1").state == []


def test_each_call_has_a_span_of_its_own(relay: Relay) -> None:
    """In the caller's trace, in a new one, and after an invalid header."""
    for lines in ([f"traceparent: 00-{TRACE}-{PARENT}-01"], [], [f"traceparent: 00-{'0' * 32}-{PARENT}-01"]):
        outs = relay.calls(*lines, count=3)
        assert len({out.trace_id for out in outs}) == 1
        assert len({out.parent_id for out in outs} - {PARENT}) == 3
        assert (outs[0].trace_id == TRACE) is (TRACE in "".join(lines))


@pytest.mark.parametrize("name", CONTINUED)
def test_a_service_that_exports_nothing_passes_its_callers_span_on(silent: Relay, name: str) -> None:
    """A span id that is not recorded would separate later services from the trace."""
    line, flags = CONTINUED[name]
    out = silent.call(line, "tracestate: rojo=1")
    assert out == Out(TRACE, PARENT, flags, ["rojo=1"])


def test_a_service_that_exports_nothing_begins_traces_for_those_behind(silent: Relay) -> None:
    """With the configured sampling. Its log lines have the ids that it sends."""
    outs = silent.calls("x-request-id: begun", count=2)
    line = silent.service.wait_for("http.request_finished", request_id="begun")
    assert {(out.trace_id, out.parent_id, out.flags) for out in outs} == {(line["trace_id"], line["span_id"], "03")}


def test_a_service_that_exports_nothing_has_no_exemplars(silent: Relay, relay: Relay) -> None:
    """Their traces would not exist."""
    accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
    silent.call()
    relay.call()
    assert "# {trace_id" in relay.service.manage("/metrics", headers=accept).text
    assert "# {trace_id" not in silent.service.manage("/metrics", headers=accept).text
