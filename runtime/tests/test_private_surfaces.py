"""Surfaces that our libraries do not guarantee: an upgrade that removes one fails here, with the name of its module.

ADR 29 has the list. Each entry is used in one module only.
"""

import asyncio
import sqlite3
from functools import partial
from typing import Any

import httptools
import pytest
import structlog
from anyio._backends._asyncio import SocketStream, StreamProtocol
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, TraceFlags, get_current_span, set_span_in_context
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString
from redis.asyncio import Connection as RedisConnection
from redis.exceptions import ReadOnlyError
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import AsyncAdaptedQueue
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from firstlight.logs.bound import is_anything_bound
from firstlight.management.exposition import Exposition
from firstlight.requests.identification import current
from firstlight.traces.encoded_span import EncodedSpan
from firstlight.traces.unrecorded_span import UnrecordedSpan


def test_logs_bound() -> None:
    """The table of structlog's variables tells what is bound in this context."""
    structlog.contextvars.clear_contextvars()
    assert not is_anything_bound()
    with structlog.contextvars.bound_contextvars(private_surface=1):
        assert is_anything_bound()
    assert not is_anything_bound()


def test_management_exposition() -> None:
    """The table of a registry's collectors."""
    registry = CollectorRegistry()
    Gauge("a_private_surface", "For this test.", registry=registry)
    assert b"a_private_surface 0.0" in Exposition(registry).render("")[0]


def test_metrics_durations() -> None:
    """The text of a bucket's end, and what an exemplar is made of."""
    assert list(map(floatToGoString, (0.005, 1, float("inf")))) == ["0.005", "1.0", "+Inf"]
    assert Exemplar({"trace_id": "a"}, 0.5, 1.5)._fields == ("labels", "value", "timestamp")


def test_requests_identification() -> None:
    """The key of the current span in a context."""
    span = UnrecordedSpan(1 << 64 | 2, TraceFlags(2))
    assert current(span) == set_span_in_context(span, Context())
    assert get_current_span(current(span)) is span


def test_requests_handled() -> None:
    """Where Starlette's routes look for the handlers of errors."""
    found: list[Any] = []

    async def look(scope: Scope, _: Receive, __: Send) -> None:
        found.append(scope["starlette.exception_handlers"])

    async def no_message(*_: Any) -> Any:
        raise AssertionError

    middleware = ExceptionMiddleware(look, {LookupError: print, 404: print})  # type: ignore[dict-item] # never called
    asyncio.run(middleware({"type": "http"}, no_message, no_message))

    ((by_class, by_status),) = found
    assert by_class[LookupError] is by_status[404] is print


def test_traces_unrecorded_span() -> None:
    """A span that makes its context late is a span of the API."""
    span = UnrecordedSpan(1 << 64 | 2, TraceFlags(2))
    assert isinstance(span, NonRecordingSpan)
    assert span.get_span_context() is span.get_span_context()
    assert (span.get_span_context().trace_id, span.get_span_context().span_id) == (1, 2)


def test_traces_request_tracer() -> None:
    """The rule of the SDK's sampler as one comparison."""
    limit = TraceIdRatioBased.get_bound_for_rate(0.1)
    for trace_id in (limit - 1, limit, 1 << 100 | (limit - 1), 1 << 100 | limit):
        kept = TraceIdRatioBased(0.1).should_sample(None, trace_id, "").decision is Decision.RECORD_AND_SAMPLE
        assert (trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < limit) is kept


def test_traces_encoded_span() -> None:
    """A span without the SDK's members still tells where it belongs."""
    assert issubclass(EncodedSpan, ReadableSpan)
    assert isinstance(vars(ReadableSpan)["resource"], property)
    assert isinstance(vars(ReadableSpan)["instrumentation_scope"], property)


@pytest.mark.parametrize("name", ["_should_upgrade", "handle_websocket_upgrade", "on_body", "on_response_complete"])
def test_server_protocol(name: str) -> None:
    """What our protocol overrides or calls of uvicorn's."""
    assert callable(getattr(HttpToolsProtocol, name))


def test_server_protocol_cycle() -> None:
    """What a request in progress has: ours sets all of it that uvicorn reads."""
    assert set(RequestResponseCycle.__init__.__code__.co_names) == {
        *("scope", "transport", "flow", "logger", "access_logger", "access_log", "default_headers", "message_event"),
        *("on_response", "disconnected", "keep_alive", "waiting_for_100_continue", "body", "bytearray", "more_body"),
        *("response_started", "response_complete", "chunked_encoding", "expected_content_length"),
    }
    read = set(RequestResponseCycle.receive.__code__.co_names)
    assert not read & {"access_logger", "access_log", "default_headers"}  # which ours does not have
    assert callable(RequestResponseCycle.send_500_response)


def test_server_flow() -> None:
    """What it holds back reading with."""
    assert {"pause_reading", "resume_reading"} <= set(vars(FlowControl))


def test_server_messages() -> None:
    """What the parser is told of bodies behind an offer."""
    assert callable(httptools.HttpRequestParser.set_dangerous_leniencies)


def test_http_client_stream() -> None:
    """What our stream takes over from anyio's, which `test_plain_stream.py` sees in use."""
    assert {"_transport", "_protocol"} <= set(SocketStream.__init__.__code__.co_names)
    assert {"read_queue", "is_at_eof", "exception"} <= set(StreamProtocol.__annotations__)


def test_cache_piped() -> None:
    """What our connection takes from redis-py's, which `test_pipe.py` sees in use."""
    assert {"_writer", "_reader"} <= set(RedisConnection._close.__code__.co_names)  # noqa: SLF001 - the point of this test
    connection: Any = RedisConnection(protocol=2)
    assert isinstance(connection._parser.parse_error("READONLY no"), ReadOnlyError)  # noqa: SLF001


def test_database_pool() -> None:
    """What our pool of connections calls of SQLAlchemy's, and reads of an entry before its connection is used."""
    assert {"block", "timeout"} <= set(AsyncAdaptedQueue.get.__code__.co_varnames)
    create: Any = partial(sqlite3.connect, ":memory:")
    pool: Any = QueuePool(create, pool_size=1, max_overflow=0)
    entry = pool._do_get()  # noqa: SLF001 - the point of this test
    pool._do_return_conn(entry)  # noqa: SLF001

    assert pool._pool.get(block=False) is entry  # noqa: SLF001
    assert (entry.in_use, dict(entry.info)) == (False, {})
    assert entry.last_connect_time > pool._invalidate_time == 0  # noqa: SLF001
    entry.dbapi_connection.close()
