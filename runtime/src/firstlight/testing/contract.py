"""Checks that the contract names everything that a running service emits."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from ..checks.contract import of
from ..checks.project import Project
from ..contract.metric import key
from .process import Line

OF_THE_KIND = frozenset({"le", "quantile"})


def undeclared(root: Path, page: str, lines: Iterable[Line]) -> Iterator[str]:
    """One sentence for each metric on `page`, and each event in `lines`, that is missing in the contract.

    `root` is the directory of the service, `page` the text of `/metrics`.
    """
    project = Project.at(root)
    contract = of(project)
    series = contract.series()
    for family in text_string_to_metric_families(page):
        # The text format shows an info as a gauge with the name of its series.
        if family.name not in contract.metrics and family.name not in series:
            yield _missing_metric(family, project.contract_file)
    for event in sorted({line["event"] for line in lines if "logger" not in line} - set(contract.events)):
        yield f'{project.contract_file}: add "{event}" to events of [log]: the service logs it'


def _missing_metric(family: Metric, file: str) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label not in OF_THE_KIND)
    return (
        f'{file}: add [metrics.{key(name)}] with kind = "{family.type}" and labels = {json.dumps([*labels])}: '
        "/metrics shows it"
    )
