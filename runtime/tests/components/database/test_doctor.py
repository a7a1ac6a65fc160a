"""The doctor compares the pools of a service with the server of its database."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from firstlight.checks import Project
from firstlight.doctor.servers import ask
from firstlight.testing.postgresql import MISSING, PostgresqlServer, find

from ...ports import refusing_port

WITH_DATABASE = {"components": ["database"]}


def project(service: Mapping[str, Any]) -> Project:
    """A service of which only the answers are read."""
    return Project(root=Path(), package="acme", slug="acme", service=service, pyproject={})


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """A server with 20 connections, 3 of them for superusers."""
    if find() is None:
        pytest.skip(MISSING)
    with PostgresqlServer(max_connections=20) as server:
        yield server


@pytest.mark.parametrize(("instances", "found"), [("1", []), ("2", ["DATABASE_POOL_SIZE"])])
def test_the_server_is_asked(
    server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch, instances: str, found: list[str]
) -> None:
    """Two instances with ten connections each and the migration need 21 of 17."""
    monkeypatch.setenv("DATABASE_URL", server.url())
    monkeypatch.setenv("DATABASE_INSTANCES", instances)
    compared = ask(project(WITH_DATABASE))

    assert [finding.file for finding in compared.findings] == found
    assert compared.notes == ()
    for finding in compared.findings:
        assert finding.sentence.startswith(
            "is too high: 2 x 10 connections and 1 of `migrate` are 21, more than the 17"
        )


def test_without_a_server_the_numbers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop has no way to the server of production."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    nowhere = ask(project(WITH_DATABASE))
    with refusing_port() as port:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://app:secret-pass@127.0.0.1:{port}/links")
        refused = ask(project(WITH_DATABASE))
    monkeypatch.setenv("DATABASE_URL", "mysql://app:secret-pass@db/links")
    bad = ask(project(WITH_DATABASE))

    sentences = [note.sentence for each in (nowhere, refused, bad) for note in each.notes]
    sums = "1 x 10 connections and 1 of `migrate` are 11"
    assert sentences[0] == f"was not compared: {sums}, and DATABASE_URL names no PostgreSQL server here."
    assert sentences[1] == f"was not compared: {sums}, and the server did not answer (ConnectionRefusedError)."
    assert sentences[2].startswith("was not compared with the server: DATABASE_URL must be postgresql://")
    assert not any(each.findings for each in (nowhere, refused, bad))
    assert "secret-pass" not in "".join(sentences)


def test_a_service_without_a_database_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its environment has."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/links")
    assert ask(project({})) == ((), ())
