"""docs/guides/discovery.md: its settings are accepted, its code runs, and what it names is there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from firstlight import Service, Settings, create_app
from firstlight.balancing import ALGORITHMS
from firstlight.components.http_client import HttpClientSettings
from firstlight.components.http_client.discovery.ejection import Ejection
from firstlight.components.http_client.discovery.target import KINDS
from firstlight.contract import Contract
from firstlight.settings import load
from firstlight.testing.lines import Lines

from ...faults import IDENTITY
from ...peers import Peer, answer
from ..database.guides import GUIDES, blocks

PAGE = "discovery.md"
TEXT = (GUIDES / PAGE).read_text(encoding="utf-8")
TESTS = Path(__file__).parents[2]


@pytest.mark.parametrize("line", [line for block in blocks(PAGE, "sh") for line in block.splitlines()])
def test_every_setting_of_the_page_is_accepted(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """As it is written."""
    name, _, value = line.partition("=")
    assert shlex.split(f"'{value}'") == [value]
    monkeypatch.setenv(name, value)
    settings = load(HttpClientSettings)
    assert getattr(settings, name.removeprefix("HTTP_CLIENT_").lower())


def test_the_tables_list_what_there_is() -> None:
    """Every kind of address, every algorithm, and the settings' defaults."""
    kinds = set(re.findall(r"^\| `(?:3\*)?(\w+)://", TEXT, re.MULTILINE))
    algorithms = re.findall(r"^\| `(\w+)`(?: \(default\))? \|", TEXT.partition("## How one is chosen")[2], re.MULTILINE)
    settings, policy = HttpClientSettings(), Ejection()

    assert kinds == {"http", *KINDS}
    assert set(algorithms) == set(ALGORITHMS)
    assert f"`{settings.balancing}` (default)" in TEXT
    assert f"`HTTP_CLIENT_DISCOVERY_SECONDS` ({settings.discovery_seconds:g})" in TEXT
    assert f"`HTTP_CLIENT_DISCOVERY_STALE_SECONDS` ({settings.discovery_stale_seconds:,g})" in TEXT
    assert f"after {policy.failures} failures in a row" in TEXT
    assert f"half of at least {policy.calls} recent calls" in TEXT
    assert f"no calls for {policy.first_seconds:g} s" in TEXT
    assert f"up to {policy.longest_seconds:g} s" in TEXT
    assert policy.ratio == policy.most == 0.5


def test_metrics_events_and_variables_of_the_page_are_in_the_contract() -> None:
    """With their labels; and the page has all of discovery that the contract has."""
    contract = Contract.of(["http_client"])
    events = set(re.findall(r"`(http_client\.\w+)`", TEXT))
    rows = re.findall(r"^\| `(\w+)\{([^}]*)\}`", TEXT, re.MULTILINE)

    assert events <= set(contract.events)
    assert set(re.findall(r"HTTP_CLIENT_\w+", TEXT)) <= set(contract.variables)
    assert rows
    for name, labels in rows:
        assert sorted(labels.split(", ")) == sorted(contract.metrics[name.removesuffix("_total")].labels)


def test_the_tests_that_the_page_names_are_there() -> None:
    """A renamed one would prove nothing."""
    sources = "".join(file.read_text("utf-8") for file in TESTS.rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert named
    assert [name for name in named if f"def {name}(" not in sources] == []


def test_the_code_of_the_page_keeps_a_caller_on_one_instance(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two instances, one gets all calls of one address."""
    names: dict[str, Any] = {"__name__": "verdicts"}
    for block in blocks(PAGE, "python"):
        exec(compile(block, PAGE, "exec"), names)  # noqa: S102 - of this repository's page
    with Peer(answer("200 OK", b"first")) as first, Peer(answer("200 OK", b"second")) as second:
        monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", f"screening={first.url}|{second.url}")
        monkeypatch.setenv("HTTP_CLIENT_BALANCING", "hash")
        service = Service(identity=IDENTITY, components=names["COMPONENTS"], routes=names["OPERATIONS"])
        with TestClient(create_app(settings, service, log_sink=Lines())) as client:
            verdicts = {client.get("/verdict").json()["verdict"] for _ in range(8)}
    assert len(verdicts) == 1
