"""Whether a running service emits what its contract names."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ..checks.contract import of
from ..checks.project import Project
from .process import Line


def undeclared(root: Path, page: str, lines: Iterable[Line]) -> Iterator[str]:
    """One sentence for each metric on the `page` of `/metrics`, and each event in `lines`, that no contract names."""
    project = Project.at(root)
    contract = of(project)
    for family in text_string_to_metric_families(page):
        if family.name not in contract.metrics:
            yield f"the metric {family.name} is missing; add it to {project.contract_file}"
    for event in sorted({line["event"] for line in lines if "logger" not in line} - set(contract.events)):
        yield f"the log event {event} is missing; add it to {project.contract_file}"
