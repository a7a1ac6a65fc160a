"""The rules of names, which no schema of Kubernetes holds: a server refuses what breaks one."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema

LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
OLD_LABEL = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"  # of Services, which began with it
SUBDOMAIN = rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*"
WORD = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
PORT = r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*"
# The name of a Job is a label of its pods. Pods of a workload are named after it, and their names are host names.
WORKLOADS = dict.fromkeys(("CronJob", "Deployment", "Job", "Rollout", "StatefulSet"), LABEL)
OF_A_KIND = {"Namespace": LABEL, "Service": OLD_LABEL, **WORKLOADS}
NAMED = {
    "containers": LABEL,
    "initContainers": LABEL,
    "volumes": LABEL,
    "ports": PORT,
    "env": r"[-._A-Za-z][-._A-Za-z0-9]*",
}


def check(manifest: dict[str, Any]) -> None:
    """Raise `jsonschema.ValidationError` for a name that a server would refuse."""
    for rule, name in _names(manifest):
        if not re.fullmatch(rule, name):
            msg = f"{manifest['kind']} {manifest['metadata'].get('name')}: {name!r} is no name by {rule}"
            raise jsonschema.ValidationError(msg)


def _names(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    metadata = manifest["metadata"]
    yield OF_A_KIND.get(manifest["kind"], SUBDOMAIN), metadata["name"]
    if "namespace" in metadata:
        yield LABEL, metadata["namespace"]
    if manifest["kind"] in {"ConfigMap", "Secret"}:
        yield from ((r"[-._a-zA-Z0-9]{1,253}", key) for key in manifest.get("data", {}))
    if manifest["kind"] != "PrometheusRule":  # its labels are those of alerts, which Prometheus allows any value
        yield from _inside(manifest)


def _inside(value: object) -> Iterator[tuple[str, str]]:
    """Labels, and what lists of a pod name, wherever they are."""
    if isinstance(value, list):
        for entry in value:
            yield from _inside(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key in {"labels", "matchLabels"} and isinstance(entry, dict):
                yield from ((rf"({SUBDOMAIN}/)?{WORD}" if "/" in name else WORD, name) for name in entry)
                yield from ((f"{WORD}?", text) for text in entry.values())
            elif key in NAMED and isinstance(entry, list):
                yield from ((NAMED[key], each["name"]) for each in entry if isinstance(each, dict) and "name" in each)
            yield from _inside(entry)
