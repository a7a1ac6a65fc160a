"""The rules that are written from the exceptions: a series for each one that is in force."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from .exceptions import AlertException, read
from .fault import FaultError

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
    files = {*directory.glob("rules/*.rules.yml"), *directory.glob("opt-in/*.rules.yml")}
    for file in sorted(files - {directory / RULES}):
        for rule in _alerts(file):
            expression, _, last = str(rule["expr"]).strip().rpartition("\n")
            if RECORD in last:
                found.setdefault(rule["alert"], []).append(f"({expression})")
    return {alert: "\nor ".join(expressions) for alert, expressions in found.items()}


def _alerts(file: Path) -> list[Mapping[str, Any]]:
    """The alerts of a file of rules. Raises `FaultError`."""
    try:
        groups = yaml.safe_load(file.read_text("utf-8"))["groups"] or ()
        rules = [rule for group in groups for rule in group.get("rules") or ()]
        return [rule for rule in rules if "alert" in rule and rule["expr"]]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FaultError(file, [f"it is not YAML: {' '.join(str(error).split())}."]) from None
    except (AttributeError, KeyError, TypeError):
        raise FaultError(file, ["it must have groups with rules, each with an expr; check it with promtool."]) from None


def _rule(each: AlertException, expression: str) -> Iterator[str]:
    names = {"alert": each.alert, "cluster": each.cluster, "service": each.service, "env": each.env}
    labels = ", ".join(f"{name}: {_quoted(value)}" for name, value in names.items() if value)
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
            vector = f'label_replace({vector}, "{name}", {_quoted(value.replace("$", "$$"))}, "", "")'
    return vector


def _quoted(text: str) -> str:
    """For YAML and for PromQL, which do not know the pairs of escapes that JSON has for an emoji."""
    return json.dumps(text, ensure_ascii=False)
