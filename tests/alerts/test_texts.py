"""What people read who do not use our templates: the texts of every alert, filled in by a real Prometheus."""

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from live import Prometheus, Settings, call, prometheus
from rulebook import Rule, alerts
from template import TIMEOUT_SECONDS

pytestmark = pytest.mark.usefixtures("installed")

VALUES = (0.03412345, 0.0, 48.7654321)  # a small one with many digits, none, and a large one
LABELS = {
    "service": "acme-links",
    "env": "production",
    "process": "worker",
    "slo": "checkout",
    "cache": "links",
    "dependency": "screening",
    "command": "migrate",
    "db_client_connection_pool_name": "primary",
    "db_operation_name": "SELECT",
    "db_collection_name": "links",
    "server": "replica_0",
    "task": "prune",
    "signal": "traces",
    "queue": "visits",
    "reason": "queue_full",
    "source": "thread",
    "integration": "slack",
    "instance": "prometheus:9090",
    "job": "prometheus",
    "rule_group": "slo.rules.yml;slo",
    "level": "debug",
    "default": "info",
}
TITLES = ("summary", "description")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
# A number is followed by what it counts, or is part of a name or a duration.
WITH_UNIT = re.compile(
    r"-?\d+(?:\.\d+)?(?:e\+\d+)?(?:%| ?(?:k|M|ms|us|s|m|h|d)\b| times| days?| minutes?| hours?| [a-z]+)"
)
Texts = dict[tuple[str, float, str], dict[str, str]]


def named(rule: Rule) -> frozenset[str]:
    """The labels that an alert has, as far as its texts show."""
    return frozenset(re.findall(r"\$labels\.(\w+)", " ".join(rule.annotations.values())))


def made_up(rule: Rule, value: float, cluster: str) -> str:
    """An expression with the labels of an alert, and a value of ours."""
    shown = {name: text for name, text in LABELS.items() if name in named(rule)} | {"try": str(value), "of": cluster}
    expr = f"vector({value})"
    for name, text in (shown | ({"cluster": cluster} if cluster else {})).items():
        expr = f'label_replace({expr}, "{name}", "{text}", "", "")'
    return expr


def rule_file(directory: Path) -> Path:
    """Every alert as it is, but with expressions of ours, which hold at once."""
    rules = [
        {"alert": f"{rule}-{number}", "expr": made_up(rule, value, cluster), "annotations": rule.annotations}
        for number, rule in enumerate(alerts())
        for value in VALUES
        for cluster in ("", "eu-1")
    ]
    file = directory / "texts.rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "texts", "interval": "1s", "rules": rules}]}), "utf-8")
    return file


def firing(server: Prometheus, wanted: int) -> list[dict[str, Any]]:
    """Every alert that fires, when all of them do."""
    end, pause = time.monotonic() + TIMEOUT_SECONDS, threading.Event()
    while len(found := json.loads(call(f"{server.url}/api/v1/alerts"))["data"]["alerts"]) < wanted:
        assert time.monotonic() < end, f"{len(found)} of {wanted} fire"
        pause.wait(0.2)
    return list(found)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory, installed: None) -> Texts:
    """The texts of each alert by its rule, its value and its cluster."""
    del installed
    directory = tmp_path_factory.mktemp("texts")
    rule_file(directory)
    with prometheus(directory, {}, settings=Settings(rules=directory)) as server:
        found = firing(server, len(alerts()) * len(VALUES) * 2)
    return {
        (each["labels"]["alertname"], float(each["labels"]["try"]), each["labels"].get("of", "")): each["annotations"]
        for each in found
    }


def of(rule: Rule, texts: Texts) -> list[tuple[str, dict[str, str]]]:
    """The texts of one alert, with the cluster."""
    name = f"{rule}-{alerts().index(rule)}"
    return [(cluster, annotations) for (alert, _, cluster), annotations in texts.items() if alert == name]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule}-{alerts().index(rule)}")
def test_texts_read_well_alone(texts: Texts, rule: Rule) -> None:
    """Summary and description name what is affected, numbers have at most four digits and a unit, paths have words."""
    seen = of(rule, texts)
    assert len(seen) == len(VALUES) * 2
    for cluster, annotations in seen:
        for text in (annotations[name] for name in TITLES):
            if "service" in named(rule):
                assert f"acme-links (production{', eu-1' if cluster else ''})" in text
            assert not re.search(r"<no value>|<error|%!|\{\{|NaN", text), text
            assert not re.search(r"(^|\s)/[a-z]", text), text
            assert text[-1] == "."
            assert "  " not in text
            for number in NUMBER.finditer(text.replace("eu-1", "").replace(":9090", "")):
                assert len(re.sub(r"\D", "", number[0].partition(".")[2])) <= 3, text
            bare = WITH_UNIT.sub("", text.replace("eu-1", "").replace(":9090", "").replace("slo_objective_ratio", ""))
            assert not re.search(r"(?<![\w.])\d", bare), (text, bare)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule}-{alerts().index(rule)}")
def test_the_summary_is_the_same_for_every_value(texts: Texts, rule: Rule) -> None:
    """So that a group of alerts has one."""
    summaries = {(cluster, annotations["summary"]) for cluster, annotations in of(rule, texts)}
    assert len(summaries) == len({cluster for cluster, _ in summaries}) == 2
