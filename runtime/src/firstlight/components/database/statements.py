"""Observes statements: a duration, a span, and the count of the request. One event for those that are slow."""

import re
import time
from contextvars import ContextVar
from functools import lru_cache
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from sqlalchemy import URL

from ...context import UNOBSERVED
from ...logs.limits import cut
from ...metrics.children import OVERFLOW, Children
from ...traces import consumers
from . import failures
from .addresses import system_of
from .metrics import OPERATION_DURATION
from .request_statements import CURRENT
from .slow import SlowLog

OTHER = "_OTHER"
BEGIN = "BEGIN IMMEDIATE"  # of SQLite; drivers of other systems send theirs by themselves
TEXT_BYTES = 4096
EXECUTED: ContextVar[tuple[list[str], ...]] = ContextVar("executed", default=())  # lists of tests, which get the texts
_READING = frozenset({"SELECT", "EXPLAIN", "SHOW", "PRAGMA"})
_VERBS = frozenset({*_READING, "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "ALTER", "DROP", "TRUNCATE", "COPY"})
_VERB = re.compile(r"\s*(?:/\*.*?\*/\s*)*(\w+)", re.DOTALL)
_NAME = r'((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*)'
_MAIN = re.compile(r"\)\s*(SELECT|INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
_TABLE = re.compile(rf"\b(?:FROM|INTO|UPDATE|TABLE(?: IF (?:NOT )?EXISTS)?)\s+{_NAME}", re.IGNORECASE)
# Where FROM names no table: extract(epoch FROM at), trim(both FROM name), IS DISTINCT FROM, FROM generate_series(1, 9).
_NO_TABLE = re.compile(
    r"\b(?:(?:EXTRACT|TRIM|SUBSTRING|OVERLAY)\s*\([^()]*?FROM\b|DISTINCT\s+FROM\b|FROM\s+[\w.]+\()", re.IGNORECASE
)


class Kind(NamedTuple):
    """What a statement does: the verb, the first table, and whether it may write."""

    operation: str
    table: str = ""
    writes: bool = False


@lru_cache(maxsize=2048)
def kind_of(text: str) -> Kind:
    """Read the kind from the text. SQLAlchemy gives the same text for each execution of a statement."""
    found = _VERB.match(text)
    verb = found[1].upper() if found else OTHER
    if verb == "WITH":  # the verb of the statement behind the common table expressions; a part may write
        mains = _MAIN.findall(text)
        verb = mains[-1].upper() if mains else "SELECT"
    table = _TABLE.search(_NO_TABLE.sub("(", text))
    writes = verb not in _READING or _WRITES.search(text) is not None
    return Kind(verb if verb in _VERBS else OTHER, table[1].replace('"', "") if table else "", writes)


def _overflowed(labels: tuple[str, ...]) -> tuple[str, ...]:
    system, operation, _, server, error = labels
    return system, operation, OVERFLOW, server, OVERFLOW if error else ""


class Statements:
    """The statements that one server executes."""

    def __init__(self, server: str, url: URL, slow: SlowLog) -> None:
        """`server` is its label; `slow` gets those that are slow."""
        self._server, self._slow = server, slow
        self._system = system_of(url)
        self._durations = Children(OPERATION_DURATION, _overflowed)
        self._attributes: dict[str, str | int] = {"db.system.name": self._system, "db.namespace": url.database or ""}
        if url.host:
            self._attributes["server.address"] = url.host
            self._attributes["server.port"] = url.port or 5432
        self._tracer = trace.get_tracer(__name__)

    def ended(self, text: str, began: int, error: BaseException | None = None) -> None:
        """Record one statement. `began` is of `time.perf_counter_ns`."""
        if UNOBSERVED.get() or (text == BEGIN and error is None):
            return
        nanoseconds = time.perf_counter_ns() - began
        for texts in EXECUTED.get():
            texts.append(text)
        kind = kind_of(text)
        if (request := CURRENT.get()) is not None:
            request.count += 1
            request.wrote = request.wrote or kind.writes
        failure = "" if error is None else failures.kind_of(error)
        seconds = nanoseconds / 1e9
        self._durations[self._system, kind.operation, kind.table, self._server, failure].observe(seconds)
        if seconds >= self._slow.seconds:
            self._slow.write(kind.operation, kind.table, text, seconds)
        span = trace.get_current_span().get_span_context()
        if span.trace_flags.sampled and consumers.are_there():
            self._record(kind, text, nanoseconds, error, failure)

    def _record(self, kind: Kind, text: str, nanoseconds: int, error: BaseException | None, failure: str) -> None:
        """Write the span, when the statement has ended: most statements belong to traces that nobody reads."""
        now = time.time_ns()
        name = f"{kind.operation} {kind.table}".strip()
        attributes = {
            **self._attributes,
            "db.operation.name": kind.operation,
            "db.query.summary": name,
            "db.query.text": cut(text, TEXT_BYTES),
        }
        if kind.table:
            attributes["db.collection.name"] = kind.table
        if failure:
            attributes["error.type"] = failure
        if error is not None and (state := failures.sqlstate(error)):
            attributes["db.response.status_code"] = state
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes, start_time=now - nanoseconds)
        if failure:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)
