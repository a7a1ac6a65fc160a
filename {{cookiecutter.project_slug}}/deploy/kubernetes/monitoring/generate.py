#!/usr/bin/env python3
"""Write the rules and dashboards of `ops/` for a cluster: one PrometheusRule, and a ConfigMap for each dashboard.

It prints the command that removes the dashboards that `ops/` no longer has. `kubectl apply` keeps them.

They serve every service of the cluster, so their names are the same whichever service applies them. The team's own
rules are a PrometheusRule named after the service.
"""

import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
OPS = HERE.parents[2] / "ops"
GENERATED = HERE / "generated.yaml"
SERVICE = "<%= cookiecutter.project_slug %>"
TEAM = "team.rules.yml"
PART_OF, VERSION = "app.kubernetes.io/part-of", "app.kubernetes.io/version"
SET = "firstlight-dashboards"


def objects(ops: Path) -> Iterator[dict[str, Any]]:
    """The objects for Prometheus and Grafana. Grafana's sidecar finds dashboards by their label."""
    rules = sorted(ops.glob("alerts/rules/*.rules.yml"))
    yield _rules("firstlight", [file for file in rules if file.name != TEAM])
    yield from (_rules(SERVICE, [file]) for file in rules if file.name == TEAM)
    labels = {"grafana_dashboard": "1", PART_OF: SET, VERSION: version(ops)}
    for file in _dashboards(ops):
        metadata = {"name": f"dashboard-{_words(file.stem)}", "labels": dict(labels)}
        yield _object("v1", "ConfigMap", metadata, data={f"{_words(file.stem)}.json": file.read_text("utf-8")})


def version(ops: Path) -> str:
    """What differs between two sets of dashboards: a checksum of their names and contents."""
    checksum = hashlib.sha256()
    for file in _dashboards(ops):
        checksum.update(f"{file.name}\0".encode() + file.read_bytes())
    return checksum.hexdigest()[:12]


def _dashboards(ops: Path) -> list[Path]:
    return sorted(ops.glob("grafana/dashboards/*.json"))


def _words(name: str) -> str:
    """What a cluster takes for a name: lower case, digits and hyphens."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def _rules(name: str, files: list[Path]) -> dict[str, Any]:
    groups = [group for file in files for group in yaml.safe_load(file.read_text("utf-8"))["groups"]]
    return _object("monitoring.coreos.com/v1", "PrometheusRule", {"name": name}, spec={"groups": groups})


def _object(version: str, kind: str, metadata: dict[str, Any], **content: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


def main() -> None:
    """Write `generated.yaml` beside this file, from `ops/` or from the directory that is given."""
    ops = Path(sys.argv[1]) if sys.argv[1:] else OPS
    if not any(ops.glob("alerts/rules/*.rules.yml")):
        sys.exit(f"{ops} has no alerts/rules/*.rules.yml; give the directory that has them.")
    GENERATED.write_text(yaml.safe_dump_all(objects(ops), sort_keys=False, width=120), encoding="utf-8")
    namespace = yaml.safe_load((HERE / "kustomization.yaml").read_text("utf-8"))["namespace"]
    others = f"{PART_OF}={SET},{VERSION}!={version(ops)}"
    sys.stdout.write(f"kubectl delete configmap --namespace {namespace} --selector '{others}'\n")


if __name__ == "__main__":
    main()
