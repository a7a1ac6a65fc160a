"""One request with its spans, its log lines, its exception and a command that repeats it."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ..media_type import JSON, MERGE_PATCH
from ..text import visible
from .buffers import Buffers
from .exchanges import Exchange
from .queries import NotFoundError
from .spans import Recorded

BODY = "--data @body.json"
OF_BODIES = {"POST": JSON, "PUT": JSON, "PATCH": MERGE_PATCH}
EXCEPTION = "exception"  # the event of a span
_HEXADECIMAL = frozenset("0123456789abcdef")
_DIGITS = 32
NO_ID = f"A trace id has {_DIGITS} hexadecimal digits."

Line = Mapping[str, Any]


def detail(trace_id: str, seq: int, address: str, buffers: Buffers) -> Mapping[str, Any]:
    """Everything about the request `seq` of a trace, or about its last one for 0. `address` is that of the service.

    Raises `NotFoundError` if it is not kept.
    """
    if not is_trace_id(trace_id := trace_id.lower()):
        raise NotFoundError(NO_ID)
    found = buffers.exchanges.of_trace(trace_id)
    chosen = [each for each in found if seq in {0, each[0]}]
    if not chosen:
        msg = "No request of this trace is kept: it has not ended, is too old, or is one of another service."
        raise NotFoundError(msg)
    number, exchange = chosen[-1]
    recorded, said = buffers.spans.of_trace(trace_id), buffers.lines.of_trace(trace_id)
    own = _span_of(exchange, recorded)
    if len(found) > 1:
        recorded, said = _of_one(exchange, own, recorded, said)
    return {
        "request": _request(number, exchange, address, own, said),
        "spans": [span.shown(recorded[0].start) for span in recorded],
        "lines": said,
        "others": [other.shown(each) for each, other in found if each != number],
    }


def is_trace_id(text: str) -> bool:
    """Whether it can be the id of a trace, in small letters."""
    return len(text) == _DIGITS and _HEXADECIMAL.issuperset(text)


def _span_of(exchange: Exchange, spans: Sequence[Recorded]) -> Recorded | None:
    """The span of the server that is nearest to the request in time: a trace may have several."""

    def distance(span: Recorded) -> float:
        return abs(span.start - exchange.time * 1e9) + abs(span.end - span.start - exchange.took)

    return min((span for span in spans if span.kind == "server"), key=distance, default=None)


def _of_one(
    exchange: Exchange, own: Recorded | None, spans: Sequence[Recorded], lines: Sequence[Line]
) -> tuple[Sequence[Recorded], Sequence[Line]]:
    """The part of a trace that belongs to one of its requests: its span, those below it, and the lines in them."""
    if own is None:
        return [], [line for line in lines if line.get("request_id") == exchange.request_id]
    ids = {own.span_id}
    for span in spans:  # in the order of their start, so that parents come first
        if span.parent_id in ids:
            ids.add(span.span_id)
    return [span for span in spans if span.span_id in ids], [line for line in lines if line.get("span_id") in ids]


def _request(
    seq: int, exchange: Exchange, address: str, own: Recorded | None, lines: Sequence[Line]
) -> Mapping[str, Any]:
    query = str(own.attributes.get("url.query", "")) if own is not None else ""
    url = visible(f"{address}{exchange.path}{f'?{query}' if query else ''}")
    return {
        **exchange.shown(seq),
        "url": url,
        "client": exchange.client,
        "exception": _of_span(own) or _of_lines(lines),
        "curl": _command(exchange.method, url),
    }


def _command(method: str, url: str) -> str:
    """A command that sends the request again. Bodies are not kept: it reads one from a file of the reader."""
    verb = {"GET": "", "HEAD": "--head "}.get(method, f"-X {shlex.quote(method)} ")
    body = f" -H 'Content-Type: {OF_BODIES[method]}' {BODY}" if method in OF_BODIES else ""
    return f"curl -i {verb}{shlex.quote(url)}{body}"


def _of_span(span: Recorded | None) -> Mapping[str, str] | None:
    """The exception that the data plane has added to the span."""
    for name, _, attributes in span.events if span is not None else ():
        if name == EXCEPTION:
            kind, stack = attributes.get("exception.type", ""), attributes.get("exception.stacktrace", "")
            return {"type": str(kind), "stack": str(stack)}
    return None


def _of_lines(lines: Sequence[Line]) -> Mapping[str, str] | None:
    for line in lines:
        if EXCEPTION in line:
            return {"type": str(line.get("error_type", "")), "stack": str(line[EXCEPTION])}
    return None
