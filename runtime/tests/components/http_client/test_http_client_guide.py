"""docs/guides/http-client.md: its code calls dependencies, and its tables are those of the contract."""

import ast
import re
import tomllib
from dataclasses import fields
from typing import Any

import pytest
from starlette.testclient import TestClient

from firstlight import Service, Settings, create_app
from firstlight.breaker_policy import BreakerPolicy
from firstlight.components.http_client import Concurrency, Dependency, Retries
from firstlight.testing import with_dependency
from firstlight.testing.dependencies import in_turn

from ...conftest import FAULTS
from ...faults import IDENTITY

GUIDE = FAULTS.parents[2] / "docs/guides/http-client.md"
TEXT = GUIDE.read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
CONTRACT = tomllib.loads((FAULTS.parents[1] / "src/firstlight/contract/http_client.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def code() -> dict[str, Any]:
    """The names that the blocks of the page define, one after the other."""
    names: dict[str, Any] = {"__name__": "guide"}
    for block in BLOCKS:
        exec(compile(block, GUIDE.name, "exec"), names)  # noqa: S102 - of this repository's page
    return names


def _service(code: dict[str, Any], **behaviours: Any) -> Service:
    service = Service(identity=IDENTITY, components=[code["CLIENT"]], routes=code["OPERATIONS"])
    for name in ("screening", "billing"):
        service = with_dependency(service, name, behaviours.get(name, code["refusing"]))
    return service


@pytest.mark.parametrize("case", ["answers", "is slow", "fails once", "refuses", "hangs"])
def test_the_dependency_of_the_page_behaves_in_each_way(code: dict[str, Any], case: str, settings: Settings) -> None:
    """A client gets the verdict, or that of the fallback."""
    behaviour, verdict = code["ANSWERS"][case]
    with TestClient(create_app(settings, _service(code, screening=behaviour))) as client:
        response = client.get("/verdict")
    assert response.json() == {"verdict": verdict, "known": verdict == "fine"}


def test_the_charge_of_the_page_is_repeated_with_one_key(code: dict[str, Any], settings: Settings) -> None:
    """The key of the client's request makes that of the call."""
    keys: list[str] = []

    def charged(request: Any) -> Any:
        keys.append(request.headers["idempotency-key"])
        return code["httpx2"].Response(201, json={"charged": 700})

    behaviour = in_turn(code["httpx2"].ConnectError("refused"), charged)
    with TestClient(create_app(settings, _service(code, billing=behaviour))) as client:
        for _ in range(2):
            assert client.post("/charges", headers={"Idempotency-Key": "order-7"}).status_code == 201
        for _ in range(2):
            assert client.post("/charges").status_code == 201
    assert len(keys) == 4
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3  # without a key of the client, each charge is one of its own


def test_every_field_of_a_policy_is_on_the_page() -> None:
    """With its name, as it is written in code."""
    table = TEXT.partition("| Field of `Dependency` |")[2].partition("\n## ")[0]
    written = set(re.findall(r"\b[a-z_]+\b", table))
    declared = {field.name for kind in (Dependency, Retries, BreakerPolicy, Concurrency) for field in fields(kind)}
    assert declared - {"name", "_"} - written == set()


def test_every_variable_metric_and_event_is_on_the_page() -> None:
    """Those of discovery are on its own page."""
    assert {name for name in CONTRACT["variables"] if f"`{name}`" not in TEXT} == set()
    of_discovery = re.compile(r"http_client_(instances|ejections|lookups|registered|registration)")
    metrics = {name for name in CONTRACT["metrics"] if not of_discovery.match(name)}
    assert {name for name in metrics if f"`{name}`" not in TEXT} == set()
    named = set(re.findall(r"`(http_client\.[a-z_]+)`", TEXT))
    assert named <= {*CONTRACT["log"]["events"]}


def test_links_lead_to_pages_and_headings() -> None:
    """Of this repository, and of the page itself."""
    lines = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    headings = {re.sub(r"[^\w-]", "", line.lower().replace(" ", "-")) for line in lines}
    targets = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert [each for each in targets if each[0] == "#" and each[1:] not in headings] == []
    assert [each for each in targets if each[0] != "#" and not (GUIDE.parent / each).is_file()] == []
    assert all(ast.parse(block) for block in BLOCKS)
