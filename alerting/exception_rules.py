"""The rules that are written from the exceptions: a series for each one that is in force."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml

from .exceptions import AlertException, read

TABLE, RULES = "exceptions.toml", "rules/exceptions.rules.yml"
RECORD = "alerts:exception:info"
GROUP_SIZE = 20  # rules; what rulers of many tenants accept
_HEAD = "# Written by `make exceptions` from alerts/exceptions.toml. Do not edit.\n"


def exceptions(directory: Path) -> tuple[AlertException, ...]:
    """The exceptions of `alerts/`. Raises `FaultError`."""
    return read(directory / TABLE, _expressions(directory).keys(), datetime.now(UTC).date())


def rendered(directory: Path) -> str:
    """The file of rules for the exceptions of `alerts/`. Raises `FaultError`."""
    expressions = _expressions(directory)
    rules = ["\n".join(_rule(each, expressions[each.alert])) for each in exceptions(directory)]
    if not rules:
        return f"{_HEAD}groups: []\n"
    lines = [_HEAD + "groups:"]
    for start in range(0, len(rules), GROUP_SIZE):
        lines += [f"  - name: exceptions-{start // GROUP_SIZE + 1}", "    interval: 30s", "    rules:"]
        lines += rules[start : start + GROUP_SIZE]
    return "\n".join(lines) + "\n"


def _expressions(directory: Path) -> Mapping[str, str]:
    """What each alert fires on, without its exceptions. Alerts about the platform itself have none."""
    found: dict[str, list[str]] = {}
    for file in sorted([*directory.glob("rules/*.rules.yml"), *directory.glob("opt-in/*.rules.yml")]):
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            for rule in group["rules"]:
                expression, _, last = rule["expr"].strip().rpartition("\n")
                if "alert" in rule and RECORD in last:
                    found.setdefault(rule["alert"], []).append(f"({expression})")
    return {alert: "\nor ".join(expressions) for alert, expressions in found.items()}


def _rule(each: AlertException, expression: str) -> Iterator[str]:
    names = {"alert": each.alert, "cluster": each.cluster, "service": each.service, "env": each.env}
    labels = ", ".join(f"{name}: {json.dumps(value)}" for name, value in names.items() if value)
    yield f"      # {' '.join(each.reason.split())} ({' '.join(each.author.split())})"
    yield f"      - record: {RECORD}"
    yield f"        labels: {{{labels}}}"
    yield "        expr: |"
    yield f"          vector(1) and on () (vector(time()) < {each.ends.timestamp():.0f}) # until {each.until}"
    if each.off:
        return
    value, compared, threshold = ("max", ">", each.above) if each.above is not None else ("min", "<", each.below)
    yield f"          unless on () {value}("
    yield from (f"            {line}" for line in expression.splitlines())
    yield f"            and on (cluster, service, env) {_labelled(each)}"
    yield f"          ) {compared} {threshold}"


def _labelled(each: AlertException) -> str:
    vector = "vector(1)"
    for name, value in (("cluster", each.cluster), ("service", each.service), ("env", each.env)):
        if value:
            vector = f'label_replace({vector}, "{name}", {json.dumps(value.replace("$", "$$"))}, "", "")'
    return vector
