"""One part of the contract: one TOML file. Invalid entries are left out, and listed as problems."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .metric import SUFFIXES, Metric

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
# Discovery sets these labels. Prometheus would rename a label of the service, and rules would read that of the target.
TARGET_LABELS = frozenset({"service", "env", "instance", "process", "job", "cluster", "slot"})
KEYS = {"kind": str, "labels": list, "optional": bool, "exported_by": str, "unit": str, "buckets": list}
IN_WORDS = {str: "a text", list: "a list", bool: "true or false"}
KINDS = ", ".join(SUFFIXES)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A fault in a file of the contract."""

    file: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Part:
    """One file. `facts` are the tables that only the runtime's part has, such as `probes`."""

    file: str
    metrics: tuple[Metric, ...]
    events: tuple[str, ...]
    variables: tuple[str, ...]
    facts: Mapping[str, Any]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, file: str, content: Mapping[str, Any]) -> "Part":
        """Read the parsed content of one file."""
        found = {name: list(_wrong(name, metric)) for name, metric in _table(content, "metrics").items()}
        log = _table(content, "log")
        lists = {"[log] events": log.get("events", []), "variables": content.get("variables", [])}
        sentences = [f"{name} must be a list of texts." for name, value in lists.items() if not _texts(value)]
        sentences += [
            f"[{name}] must be a table."
            for name in ("metrics", "log")
            if name in content and not _is_table(content, name)
        ]
        sentences += [f"[metrics.{name}] {sentence}" for name, wrong in found.items() for sentence in wrong]
        return cls(
            file=file,
            metrics=tuple(_metric(name, file, content["metrics"][name]) for name, wrong in found.items() if not wrong),
            events=tuple(lists["[log] events"] if _texts(lists["[log] events"]) else ()),
            variables=tuple(lists["variables"] if _texts(lists["variables"]) else ()),
            facts=content,
            problems=tuple(Problem(file, sentence) for sentence in sentences),
        )


def _is_table(content: Mapping[str, Any], name: str) -> bool:
    return isinstance(content.get(name), dict)


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return content[name] if _is_table(content, name) else {}


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _wrong(name: str, metric: object) -> Iterator[str]:
    """The faults of one metric."""
    if not METRIC_NAME.fullmatch(name):
        yield "is not a name that Prometheus allows: letters, digits, underscores and colons, no digit first."
    if not isinstance(metric, dict):
        yield 'must be a table with kind = "..." and labels = [...].'
        return
    for key, value in metric.items():
        if key not in KEYS:
            yield f"has a key {key}, which means nothing: a metric has {', '.join(KEYS)}."
        elif not isinstance(value, KEYS[key]):
            yield f"{key} must be {IN_WORDS[KEYS[key]]}."
    if metric.get("kind") not in SUFFIXES:
        yield f"must have a kind: one of {KINDS}."
    yield from _wrong_labels(metric.get("labels", []))


def _wrong_labels(labels: object) -> Iterator[str]:
    if not isinstance(labels, list) or not _texts(labels):
        yield "labels must be a list of names."
        return
    for label in labels:
        if not LABEL_NAME.fullmatch(label):
            yield f"has a label {label}, which Prometheus does not allow."
        elif label in TARGET_LABELS:
            yield f"has a label {label}, which discovery sets: choose another name."


def _metric(name: str, file: str, metric: Mapping[str, Any]) -> Metric:
    sequences = {"labels": tuple(metric.get("labels", ())), "buckets": tuple(metric.get("buckets", ()))}
    return Metric(name=name, file=file, **{**metric, **sequences})
