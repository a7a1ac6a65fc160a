"""One request with its spans, its log lines, its exception and a command that repeats it."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ..text import visible
from .exchanges import Exchange, Exchanges
from .lines import Lines
from .queries import NotFoundError
from .spans import Recorded, Spans

EXCEPTION = "exception"  # the event of a span
_HEXADECIMAL = frozenset("0123456789abcdef")
_DIGITS = 32


def detail(trace_id: str, address: str, exchanges: Exchanges, spans: Spans, lines: Lines) -> Mapping[str, Any]:
    """Everything about the last request of a trace. `address` is that of the service.

    Raises `NotFoundError` if no request of the trace is kept.
    """
    trace_id = trace_id.lower()
    if len(trace_id) != _DIGITS or not _HEXADECIMAL.issuperset(trace_id):
        msg = f"A trace id has {_DIGITS} hexadecimal digits."
        raise NotFoundError(msg)
    found, recorded, said = exchanges.of_trace(trace_id), spans.of_trace(trace_id), lines.of_trace(trace_id)
    if found is None:
        msg = "No request of this trace is kept: it has not ended, is too old, or is one of another service."
        raise NotFoundError(msg)
    began = recorded[0].start if recorded else 0
    request = _request(*found, address, recorded, said)
    return {"request": request, "spans": [span.shown(began) for span in recorded], "lines": said}


def _request(
    seq: int, exchange: Exchange, address: str, spans: Sequence[Recorded], lines: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    own = next((span for span in spans if span.kind == "server"), None)
    query = str(own.attributes.get("url.query", "")) if own is not None else ""
    url = visible(f"{address}{exchange.path}{f'?{query}' if query else ''}")
    verb = {"GET": "", "HEAD": "--head "}.get(exchange.method, f"-X {shlex.quote(exchange.method)} ")
    return {
        **exchange.shown(seq),
        "url": url,
        "client": exchange.client,
        "exception": _of_span(own) or _of_lines(lines),
        "curl": f"curl -i {verb}{shlex.quote(url)}",
    }


def _of_span(span: Recorded | None) -> Mapping[str, str] | None:
    """The exception that the data plane has added to the span."""
    for name, _, attributes in span.events if span is not None else ():
        if name == EXCEPTION:
            kind, stack = attributes.get("exception.type", ""), attributes.get("exception.stacktrace", "")
            return {"type": str(kind), "stack": str(stack)}
    return None


def _of_lines(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, str] | None:
    for line in lines:
        if EXCEPTION in line:
            return {"type": str(line.get("error_type", "")), "stack": str(line[EXCEPTION])}
    return None
