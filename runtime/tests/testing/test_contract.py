"""The plug-in compares a running service with its contract."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary, generate_latest

from firstlight.checks.project import Project
from firstlight.testing.contract import undeclared

NAMES = ["orders_created", "orders_total", "_", "shop:orders", "ordersBucket", "x_count", "x_info", "x_sum", "x_bucket"]
KINDS: dict[str, Callable[..., object]] = {
    "counter": Counter,
    "gauge": Gauge,
    "histogram": Histogram,
    "summary": Summary,
    "info": Info,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A service that consists of service.toml and a contract."""
    for file, text in {
        "pyproject.toml": "",
        "src/shop/service.toml": 'name = "shop"\ntitle = ""\ndescription = ""\nowner = ""\nprocesses = {}\nslo = {}\n',
        "contract/shop.toml": "[log]\nevents = []\n",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    return tmp_path


def page(declare: Callable[..., object], name: str, labels: tuple[str, ...] = ()) -> str:
    """The text of a scrape with one metric, with one child if it has labels."""
    registry = CollectorRegistry()
    metric = declare(name, "X.", labels, registry=registry)
    if labels:
        metric.labels(*labels)  # type: ignore[attr-defined]  # every kind has children
    return generate_latest(registry).decode()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_of_the_contract_is_known(root: Path, kind: str, name: str) -> None:
    """For every name that Prometheus allows. The line that a sentence asks for is enough."""
    assert [*undeclared(root, "", [])] == []
    (sentence,) = undeclared(root, page(KINDS[kind], name), [])
    table = sentence.partition("add [metrics.")[2].partition("]")[0]
    shown = f"{name}_info" if kind == "info" else name
    for declared, called in ((kind, f'"{shown}"'), (sentence.partition('kind = "')[2].partition('"')[0], table)):
        (root / "contract/shop.toml").write_text(f'[metrics.{called}]\nkind = "{declared}"\n')
        assert [*undeclared(root, page(KINDS[kind], name), [])] == []


def test_what_is_missing_is_a_line_to_add(root: Path) -> None:
    """The sentence has the file, the table and its values, or the event and its list."""
    lines = [{"event": "order.paid"}, {"event": "A sentence", "logger": "library"}]
    assert [*undeclared(root, page(Histogram, "size_bytes", ("kind",)), lines)] == [
        'contract/shop.toml: add [metrics.size_bytes] with kind = "histogram" and labels = ["kind"]: /metrics shows it',
        'contract/shop.toml: add "order.paid" to events of [log]: the service logs it',
    ]
    assert Project.at(root).contract_file == "contract/shop.toml"
