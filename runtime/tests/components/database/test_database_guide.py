"""docs/guides/database.md: its code serves requests, its tests pass, and its index changes the plan as it says."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from firstlight import Service, Settings, create_app
from firstlight.components.database import DATABASE
from firstlight.testing.in_app import InApp
from firstlight.testing.lines import Lines
from firstlight.testing.postgresql import PostgresqlServer

from ...faults import IDENTITY
from .guides import blocks
from .stores import create_tables

PAGE = "database.md"
SLOW, FAST = blocks(PAGE, "text")
BLOCKING, TABLE, QUERY, INDEX, KINDS = blocks(PAGE, "sql")


@pytest.fixture(scope="module")
def code() -> dict[str, Any]:
    """The names that the Python blocks of the page define, one after the other."""
    names: dict[str, Any] = {"__name__": "accounts"}
    for block in blocks(PAGE, "python"):
        exec(compile(block, PAGE, "exec"), names)  # noqa: S102 - of this repository's page
    return names


@pytest.fixture
def client(
    code: dict[str, Any], postgresql_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """A client of a service with the operations of the page."""
    create_tables(postgresql_url, code["Base"].metadata)
    monkeypatch.setenv("DATABASE_URL", postgresql_url)
    component = replace(DATABASE, for_tests=None)
    service = Service(identity=IDENTITY, components=[component], routes=code["OPERATIONS"])
    with TestClient(create_app(settings, service, log_sink=Lines()), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("name", ["test_amounts_take_one_statement", "test_a_transfer_is_whole_or_nothing"])
def test_the_tests_of_the_page_pass(code: dict[str, Any], client: TestClient, name: str) -> None:
    """Against the operations of the page; no other test is on it."""
    tests = {each for each in code if each.startswith("test_")}
    assert name in tests
    assert len(tests) == 2
    code[name](client, InApp(client))


def test_the_operations_of_the_page_answer(code: dict[str, Any], client: TestClient) -> None:
    """Also about accounts that do not exist."""
    in_app = InApp(client)
    in_app(code["ACCOUNT"].create, in_app.resource(DATABASE), name="ada", balance=50)

    assert client.post("/bonuses/ada").status_code == 204
    assert client.get("/accounts/ada").json() == {"balance": 100}
    assert client.get("/accounts/nobody").status_code == 404
    assert client.post("/transfers/ada/nobody/1").status_code == 409


@pytest.fixture(scope="module")
def links(postgresql: PostgresqlServer) -> Iterator[str]:
    """The name of a database with the table of the page and its 200,000 rows."""
    postgresql.create_database("guide")
    postgresql.sql(TABLE, "guide")
    yield "guide"
    postgresql.drop_database("guide")


def test_the_index_changes_the_plan_as_the_page_says(postgresql: PostgresqlServer, links: str) -> None:
    """From a scan of the whole table and a sort to 51 entries of the index, and so in less time."""
    before = postgresql.sql(QUERY, links)
    postgresql.sql(INDEX, links)
    after = postgresql.sql(QUERY, links)

    assert "Seq Scan on links" in before
    assert "Sort Key: created_at DESC, slug" in before
    assert shape(after) == shape(FAST)
    assert shape(SLOW)[-2:] == [line for line in shape(before) if "Filter" in line or "Parallel Seq Scan" in line]
    assert milliseconds(after) < milliseconds(before) / 10
    assert milliseconds(FAST) < milliseconds(SLOW) / 10


def shape(plan: str) -> list[str]:
    """The steps of a plan without its numbers."""
    lines = [re.sub(r" \((cost|actual)[^)]*\)", "", line).strip() for line in plan.splitlines()]
    left_out = ("Planning", "Execution", "Workers", "Worker", "Sort Method", "Rows Removed", "Buffers")
    return [line for line in lines if line and not line.startswith(left_out)]


def milliseconds(plan: str) -> float:
    """The time of the execution."""
    (found,) = re.findall(r"Execution Time: ([\d.]+) ms", plan)
    return float(found)


@pytest.mark.parametrize(
    ("index", "condition"),
    [
        ("ix_links_url", "url = 'https://example.com/7'"),
        ("ix_links_words", "to_tsvector('simple'::regconfig, title) @@ to_tsquery('simple', '7')"),
        ("ix_links_created_at", "created_at BETWEEN '2026-02-01' AND '2026-02-02'"),
        ("ix_links_untitled", "title = '' AND created_at > '2026-02-01'"),
        ("ix_links_lower_title", "lower(title) = 'link number 7'"),
        ("ix_links_version", "version = '8f14e45fceea167a5a36dedd4bea2543'"),
    ],
)
def test_each_index_of_the_page_is_used(postgresql: PostgresqlServer, kinds: str, index: str, condition: str) -> None:
    """By a query of its kind."""
    columns = "url" if index == "ix_links_version" else "*"
    plan = postgresql.sql(f"SET jit = off; EXPLAIN SELECT {columns} FROM links WHERE {condition}", kinds)  # noqa: S608 - a constant
    assert index in plan
    assert ("Index Only Scan" in plan) == (index == "ix_links_version")


@pytest.fixture(scope="module")
def kinds(postgresql: PostgresqlServer, links: str) -> Iterator[str]:
    """The name of a copy of the database, with the indexes of the page."""
    postgresql.create_database("guide_kinds", template=links)
    for statement in (KINDS, "VACUUM links", "ANALYZE links"):
        postgresql.sql(statement, "guide_kinds")
    yield "guide_kinds"
    postgresql.drop_database("guide_kinds")


def test_the_question_who_blocks_whom_has_an_answer(postgresql: PostgresqlServer) -> None:
    """Nobody blocks anybody now, and the server understands it."""
    assert postgresql.sql(BLOCKING) == ""
