"""The recipe of docs/guides/sharding.md on real databases: one shard for each key, a lost one, slots that move."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from firstlight import Settings, Surroundings, create_app
from firstlight.component import Command
from firstlight.components.database import DatabaseSettings
from firstlight.components.database.component import open_database
from firstlight.components.database.schema import SchemaError
from firstlight.errors import UsageError
from firstlight.lifecycle import Lifecycle
from firstlight.testing.lines import Lines
from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.process import ServiceProcess

from ...fault_proxy import FaultProxy
from .guides import blocks, body, imported
from .sharding.service import SERVICE
from .sharding.shards.component import SHARDED_DATABASE, SHARDS, open_shards
from .sharding.shards.slots import SLOTS, ShardsSettings, slot_of

PACKAGE = Path(__file__).with_name("sharding")
HALVES = '{"0-127": "a", "128-255": "b"}'
CUSTOMERS = [f"customer-{number}" for number in range(20)]
ON_A = next(each for each in CUSTOMERS if slot_of(each) < 128)
ON_B = next(each for each in CUSTOMERS if slot_of(each) >= 128)


@pytest.fixture(scope="module")
def shards(postgresql: PostgresqlServer) -> Iterator[Mapping[str, str]]:
    """The URLs of three databases, which the command `migrate` has migrated together with that of the service."""
    names = {name: f"sharding_{name}" for name in ("service", "a", "b", "c")}
    urls = {name: postgresql.create_database(database) for name, database in names.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", urls.pop("service"))
        _arrange(patch, urls)
        run(SHARDED_DATABASE.commands["migrate"])
        yield urls
    for name in names.values():
        postgresql.drop_database(name)


@pytest.fixture
def databases(
    shards: Mapping[str, str], postgresql: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """The same without orders. The environment names two of them."""
    for url in shards.values():
        postgresql.sql("TRUNCATE orders", url.rpartition("/")[2])
    monkeypatch.setenv("DATABASE_URL", shards["a"].replace("sharding_a", "sharding_service"))
    _arrange(monkeypatch, {name: shards[name] for name in ("a", "b")})
    return shards


def _arrange(monkeypatch: pytest.MonkeyPatch, urls: Mapping[str, str], slots: str = HALVES, frozen: str = "[]") -> None:
    quoted = ", ".join(f'"{name}": "{url}"' for name, url in urls.items())
    for name, value in {"URLS": f"{{{quoted}}}", "SLOTS": slots, "FROZEN": frozen}.items():
        monkeypatch.setenv(f"SHARDS_{name}", value)


def test_a_shard_on_another_machine_is_left_alone(
    databases: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make run` runs `migrate --local`. It does not even connect; without the argument, it does."""
    _arrange(monkeypatch, {"a": databases["a"], "b": "postgresql://app@shard.example.invalid/b"})
    run(SHARDED_DATABASE.commands["migrate"], "--local")
    with pytest.raises(SchemaError, match="cannot be reached"):
        run(SHARDED_DATABASE.commands["migrate"])
    with pytest.raises(UsageError, match="there is no revision v9"):
        run(SHARDED_DATABASE.commands["migrate"], "--to", "v9")


def run(command: Command, *arguments: str) -> None:
    """Run a command of the service, with its components open."""

    async def opened() -> None:
        resources: dict[str, Any] = {}
        rest = (Settings(), resources, Lifecycle(), SERVICE.identity)
        own = Surroundings(DatabaseSettings(), *rest)
        shards = Surroundings(ShardsSettings(), *rest)
        async with open_database(own) as resources["database"], open_shards(shards) as resources["shards"]:
            await command.run(own, arguments)

    asyncio.run(opened())


def served(settings: Settings) -> TestClient:
    """The service in this process."""
    return TestClient(create_app(settings, SERVICE, log_sink=Lines()), raise_server_exceptions=False)


def test_a_slot_never_changes() -> None:
    """Rows would be lost, in every service that has copied it."""
    assert [slot_of(each) for each in ("ada", "grace", "")] == [104, 243, 0]
    assert {slot_of(str(number)) for number in range(5_000)} == set(range(SLOTS))


def test_each_key_is_on_one_shard(
    settings: Settings, databases: Mapping[str, str], postgresql: PostgresqlServer
) -> None:
    """All of its rows, and those of nobody else."""
    with served(settings) as client:
        for customer in (ON_A, ON_B, ON_B):
            assert client.post(f"/orders/{customer}").status_code == 201
        assert client.get(f"/orders/{ON_B}").json() == [1, 2]
    rows = {name: orders(postgresql, url) for name, url in databases.items()}
    assert rows == {"a": [ON_A], "b": [ON_B, ON_B], "c": []}


def orders(postgresql: PostgresqlServer, url: str) -> list[str]:
    """The customers of a shard, one for each order."""
    return postgresql.sql("SELECT customer FROM orders ORDER BY slot, number", url.rpartition("/")[2]).splitlines()


@pytest.mark.usefixtures("databases")
def test_no_transaction_spans_two_shards(settings: Settings) -> None:
    """The mistake is an error of the service; within a shard it is none."""
    with served(settings) as client:
        assert client.post(f"/orders/{ON_A}/to/{ON_B}").status_code == 500
        assert client.post(f"/orders/{ON_A}/to/{ON_A}").status_code == 204


def test_without_urls_there_is_one_shard(
    settings: Settings, databases: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In development and in tests: the database of the service."""
    assert databases
    _arrange(monkeypatch, {}, slots="{}")
    with served(settings) as client:
        for customer in (ON_A, ON_B):
            assert client.post(f"/orders/{customer}").status_code == 201


@pytest.mark.parametrize(
    "slots", ["{}", '{"0-127": "a"}', '{"0-128": "a", "128-255": "b"}', '{"0-255": "x"}', '{"0-999": "a"}']
)
def test_a_slot_without_exactly_one_shard_stops_the_start(monkeypatch: pytest.MonkeyPatch, slots: str) -> None:
    """Its keys would be nowhere, or in two places."""
    _arrange(monkeypatch, {"a": "postgresql://localhost/a", "b": "postgresql://localhost/b"}, slots)
    with pytest.raises(ValueError, match="slot"):
        ShardsSettings()


def test_slots_move_to_a_new_shard(
    settings: Settings, databases: Mapping[str, str], postgresql: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen, they are read where they are; after the copy they are served by the new shard, and none is lost."""
    with served(settings) as client:
        for customer in CUSTOMERS:
            client.post(f"/orders/{customer}")
    copy = SHARDS.commands["copy_slots"]
    _arrange(monkeypatch, databases, frozen='["128-255"]')
    with served(settings) as client:
        assert client.post(f"/orders/{ON_B}").status_code == 503
        assert client.post(f"/orders/{ON_A}").status_code == 201
        assert client.get(f"/orders/{ON_B}").json() == [1]
    for _ in range(2):  # as after a copy that was interrupted
        run(copy, "b", "c", "128-255")
    with pytest.raises(UsageError, match="SHARDS_FROZEN"):
        run(copy, "a", "c", "0-127")
    with pytest.raises(UsageError, match="two shards"):
        run(copy, "b", "x", "128-255")

    assert orders(postgresql, databases["c"]) == orders(postgresql, databases["b"]) != []
    _arrange(monkeypatch, databases, slots='{"0-127": "a", "128-255": "c"}')
    with served(settings) as client:
        assert client.post(f"/orders/{ON_B}").status_code == 201
        assert client.get(f"/orders/{ON_B}").json() == [1, 2]


def test_a_lost_shard_takes_only_its_keys(
    databases: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They get 503; readiness stays; checks and metrics name the shard; it recovers, and an instance starts without."""
    (tmp_path / "sharded").symlink_to(PACKAGE)
    port = int(databases["b"].partition("@127.0.0.1:")[2].partition("/")[0])
    with FaultProxy(port) as proxy:
        _arrange(monkeypatch, {"a": databases["a"], "b": databases["b"].replace(f":{port}/", f":{proxy.port}/")})
        proxy.refuse()
        process = ServiceProcess(["-m", "sharded"], {"PYTHONPATH": str(tmp_path)})
        try:
            lost(process.started())
            proxy.restore()
            assert process.get(f"/orders/{ON_B}").status_code == 200
        finally:
            process.close()


def lost(process: ServiceProcess) -> None:
    """Shard b is lost."""
    answers = [process.get(f"/orders/{customer}") for customer in (ON_A, ON_B)]
    assert [answer.status_code for answer in answers] == [200, 503]
    assert "retry-after" in answers[1].headers
    assert process.manage("/health/ready").status_code == 200
    assert process.wait_for("database.call_failed")["server"] == "shard_b"
    checks = process.manage("/health").json()["checks"]
    assert {name: found[0]["status"] for name, found in checks.items() if name.startswith("shard_")} == {
        "shard_a": "pass",
        "shard_b": "fail",
    }
    metrics = process.manage("/metrics").text
    assert re.search(r'^db_client_connection_max\{.*"shard_b"\} 10', metrics, re.MULTILINE)
    assert re.search(r'^db_client_operation_duration_seconds_count\{.*server="shard_a"', metrics, re.MULTILINE)


@pytest.mark.parametrize("name", ["slots", "router", "moving", "component"])
def test_the_files_of_the_guide_are_these(name: str) -> None:
    """Only the order of imports is another one in a service, where the library is a third party."""
    code = (PACKAGE / "shards" / f"{name}.py").read_text(encoding="utf-8")
    page = next(block for block in blocks("sharding.md", "python") if body(block)[0] == body(code)[0])

    assert body(page) == body(code)
    assert imported(page) == imported(code)


@pytest.mark.parametrize("part", ["ORDERS = Table(", "async def place("])
def test_the_rest_of_the_code_of_the_guide_is_used_here(part: str) -> None:
    """The table, and the operation."""
    used = "\n".join((PACKAGE / file).read_text(encoding="utf-8") for file in ("tables.py", "service.py"))
    assert [block for block in blocks("sharding.md", "python") if part in block and block.strip() in used] != []
