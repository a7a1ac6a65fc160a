"""What the component tells about statements, connections and requests."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import Service
from firstlight.components.database import DATABASE, DatabaseUnavailableError
from firstlight.components.database.statements import Kind, kind_of
from firstlight.context import UNOBSERVED
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines

from ...faults import IDENTITY
from .databases import ACCOUNTS, BALANCE, METADATA, balance, opened


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _durations(operation: str, error: str = "", system: str = "sqlite") -> float:
    return _value(
        "db_client_operation_duration_seconds_count",
        db_system_name=system,
        db_operation_name=operation,
        db_collection_name="accounts",
        server="primary",
        error_type=error,
    )


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT a FROM links WHERE b = 1", Kind("SELECT", "links")),
        ('\n  select a\nfrom "Links" JOIN x ON 1', Kind("SELECT", "Links")),
        ("SELECT a FROM shop.links FOR UPDATE", Kind("SELECT", "shop.links", writes=True)),
        ("INSERT INTO links (a) VALUES ($1)", Kind("INSERT", "links", writes=True)),
        ("UPDATE links SET a = 1", Kind("UPDATE", "links", writes=True)),
        ("DELETE FROM links", Kind("DELETE", "links", writes=True)),
        ("WITH gone AS (DELETE FROM links RETURNING a) SELECT a FROM gone", Kind("SELECT", "links", writes=True)),
        ("WITH RECURSIVE t AS (SELECT 1) SELECT * FROM t", Kind("SELECT", "t")),
        ("BEGIN IMMEDIATE", Kind("_OTHER", "", writes=True)),
        ("/* why */ SELECT 1", Kind("SELECT", "")),
        ("SELECT min(at) - CAST(extract(epoch FROM now()) AS float) FROM links", Kind("SELECT", "links")),
        ("SELECT a IS DISTINCT FROM b, trim(both ' ' FROM a) FROM links", Kind("SELECT", "links")),
        ("SELECT extract(year FROM at)", Kind("SELECT", "")),
        ("SELECT * FROM generate_series(1, 9)", Kind("SELECT", "")),
        ("", Kind("_OTHER", "", writes=True)),
    ],
)
def test_a_statement_has_an_operation_and_a_table(statement: str, kind: Kind) -> None:
    """A statement has an operation and a table."""
    assert kind_of(statement) == kind


@pytest.mark.anyio
async def test_statements_have_durations_by_operation_and_table(url: str) -> None:
    """Statements have durations by operation and table."""
    system = url.partition(":")[0]
    before = [_durations(operation, system=system) for operation in ("INSERT", "SELECT")]
    async with opened(url) as database:
        async with database.transaction() as session:
            await session.execute(insert(ACCOUNTS).values(name="alice", balance=1))
        await database.read(BALANCE, name="alice")

    after = [_durations(operation, system=system) for operation in ("INSERT", "SELECT")]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1]


@pytest.mark.anyio
async def test_a_failed_statement_is_counted_with_its_error(postgresql_url: str) -> None:
    """A failed statement is counted with its error."""
    before = _durations("SELECT", "42703", "postgresql")
    async with opened(postgresql_url) as database:
        with pytest.raises(DBAPIError):
            async with database.transaction() as session:
                await session.execute(text("SELECT nothing FROM accounts"))

    assert _durations("SELECT", "42703", "postgresql") == before + 1


@pytest.mark.anyio
async def test_a_check_records_nothing(url: str) -> None:
    """A check records nothing."""
    async with opened(url) as database:
        before = [s for m in REGISTRY.collect() for s in m.samples if s.name.startswith("db_client_operation")]
        token = UNOBSERVED.set(True)
        await database.ping()
        await database.read(BALANCE, name="alice")
        UNOBSERVED.reset(token)

        assert [s for m in REGISTRY.collect() for s in m.samples if s.name.startswith("db_client_operation")] == before


@pytest.mark.anyio
async def test_the_pool_shows_its_connections_and_its_queue(url: str) -> None:
    """The pool shows its connections and its queue."""
    pool = {"db_client_connection_pool_name": "primary"}

    def connections(state: str) -> float:
        return _value("db_client_connections", **pool, db_client_connection_state=state)

    async with opened(url, pool_size=1, pool_wait_seconds=0.2) as database:
        assert _value("db_client_connection_max", **pool) == 1
        before = _value("db_client_connection_timeouts_total", **pool)
        async with database.primary.engine.connect():
            assert (connections("used"), connections("idle")) == (1, 0)
            waiting = asyncio.create_task(database.read(BALANCE, name="alice"))
            while not _value("db_client_connection_pending_requests", **pool):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0)
            with pytest.raises(DatabaseUnavailableError, match="no free connection"):
                await waiting
        assert (connections("used"), connections("idle")) == (0, 1)
        assert _value("db_client_connection_pending_requests", **pool) == 0
        assert _value("db_client_connection_timeouts_total", **pool) == before + 1
        assert await balance(database, "alice") is None


async def _create(request: Request) -> Response:
    database = DATABASE.of(request)
    async with database.transaction() as session:
        await session.execute(insert(ACCOUNTS).values(name=request.path_params["name"], balance=0))
    await asyncio.gather(*(database.read(BALANCE, name="alice") for _ in range(2)))
    return Response(status_code=201)


async def _prepare(request: Request) -> Response:
    async with DATABASE.of(request).primary.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    return Response()


@pytest.fixture(scope="session")
def service() -> Service:
    """A service with two routes that use the database."""
    routes = [Route("/accounts/{name}", _create, methods=["POST"]), Route("/prepare", _prepare)]
    component = replace(DATABASE, ready_to_start=None, for_tests=None)  # the tests choose the database themselves
    return Service(identity=IDENTITY, components=[component], routes=routes)


@pytest.fixture
def sqlite(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> pytest.MonkeyPatch:
    """The environment of a service with a SQLite file."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path_factory.mktemp('signals')}/test.sqlite3")
    return monkeypatch


@pytest.fixture
def client_spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Finished spans of statements. The component asks for the global tracer, which a process can set only once."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return exporter


@pytest.fixture
def client(
    sqlite: pytest.MonkeyPatch, client_spans: InMemorySpanExporter, request: pytest.FixtureRequest
) -> Iterator[TestClient]:
    """A client of the service, whose tables are there."""
    del client_spans
    sqlite.setenv("DATABASE_SLOW_SECONDS", "0.0000001")
    with TestClient(request.getfixturevalue("app")) as client:
        client.get("/prepare")
        yield client


def test_the_statements_of_a_request_are_counted_by_route(client: TestClient) -> None:
    """The statements of a request are counted by route."""

    def counted() -> tuple[float, float]:
        route = {"http_route": "/accounts/{name}"}
        return _value("database_request_statements_count", **route), _value("database_request_statements_sum", **route)

    before = counted()
    client.post("/accounts/alice")

    assert tuple(b - a for a, b in zip(before, counted(), strict=True)) == (1, 3)


def test_each_statement_of_a_sampled_request_is_a_span(
    client: TestClient, spans: InMemorySpanExporter, client_spans: InMemorySpanExporter
) -> None:
    """Each statement of a sampled request is a span."""
    client_spans.clear()
    spans.clear()
    client.post("/accounts/bob")

    found: list[Any] = list(client_spans.get_finished_spans())
    server: Any = next(iter(spans.get_finished_spans()))
    assert [span.name for span in found] == ["INSERT accounts", "SELECT accounts", "SELECT accounts"]
    inserted = found[0]
    assert inserted.parent.span_id == server.context.span_id
    assert inserted.attributes["db.system.name"] == "sqlite"
    assert inserted.attributes["db.collection.name"] == "accounts"
    assert inserted.attributes["db.query.text"].startswith("INSERT INTO accounts")
    assert "bob" not in str(dict(inserted.attributes))
    assert server.start_time <= inserted.start_time <= inserted.end_time <= server.end_time


def test_a_slow_statement_is_one_event_without_parameters(client: TestClient, lines: Lines) -> None:
    """A slow statement is one event without parameters."""
    client.post("/accounts/carol")
    client.post("/accounts/dave")

    slow = lines.named("database.slow_statement_finished")
    inserts = [line for line in slow if line["db_operation_name"] == "INSERT"]
    assert len(inserts) == 1
    assert inserts[0]["statement"].startswith("INSERT INTO accounts")
    assert inserts[0]["threshold_seconds"] == 1e-07
    assert inserts[0]["trace_id"]
    assert "carol" not in str(inserts)
