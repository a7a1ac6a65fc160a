"""How a cluster's Prometheus and Grafana come by the service's targets, rules and dashboards."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import Generate
from delivery.kubernetes.manifests import SLUG, Object, edited, only, read, render, validate
from rulebook import ALERTS
from template import EVERYTHING

# What the Prometheus Operator writes in front of a ServiceMonitor's own relabelings, as far as it sets our labels.
OPERATORS_OWN = [{"source_labels": ["__meta_kubernetes_service_name"], "target_label": "service"}]


def labels(promtool: str, relabelings: list[Object], meta: dict[str, str], directory: Path) -> dict[str, str]:
    """Ask Prometheus which labels a discovered target ends up with."""
    own = [
        {re.sub("[A-Z]", lambda upper: f"_{upper[0].lower()}", key): value for key, value in relabeling.items()}
        for relabeling in relabelings
    ]
    found = {"targets": ["10.0.0.1:9464"], "labels": meta}
    scrape = {"job_name": "pods", "relabel_configs": [*OPERATORS_OWN, *own], "static_configs": [found]}
    configuration = directory / "prometheus.yml"
    configuration.write_text(yaml.safe_dump({"scrape_configs": [scrape]}), encoding="utf-8")
    command = [promtool, "check", "service-discovery", "--timeout=1s", str(configuration), "pods"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (target,) = json.loads(done.stdout)
    kept: dict[str, str] = target["labels"]
    return {name: value for name, value in kept.items() if not name.startswith("__")}


def test_targets_get_the_labels_that_rules_read(emitted: list[Object], promtool: str, tmp_path: Path) -> None:
    """`service` is the service's name, not that of the Kubernetes object; a restarted pod keeps its `instance`."""
    (endpoint,) = only(emitted, "ServiceMonitor")["spec"]["endpoints"]
    meta = {
        "__meta_kubernetes_service_name": f"{SLUG}-management",
        "__meta_kubernetes_pod_name": f"{SLUG}-5d4f-x2x",
        "__meta_kubernetes_pod_label_app_kubernetes_io_name": SLUG,
        "__meta_kubernetes_pod_label_env": "production",
        "__meta_kubernetes_pod_label_app_kubernetes_io_component": "web",
    }
    assert labels(promtool, endpoint["relabelings"], meta, tmp_path) == {
        "job": "pods",
        "service": SLUG,
        "env": "production",
        "instance": f"{SLUG}-5d4f-x2x",
        "process": "web",
    }


def test_a_pod_that_does_not_say_its_kind_has_no_process(emitted: list[Object], promtool: str, tmp_path: Path) -> None:
    """A target without the label is web."""
    (endpoint,) = only(emitted, "ServiceMonitor")["spec"]["endpoints"]
    meta = {"__meta_kubernetes_pod_label_app_kubernetes_io_name": SLUG}
    assert "process" not in labels(promtool, endpoint["relabelings"], meta, tmp_path)


@pytest.mark.delivery
def test_a_canary_s_metrics_have_the_label_slot(copied: Path, promtool: str, tmp_path: Path) -> None:
    """By the label that Argo Rollouts puts on pods; without it there is no such label on the metrics."""
    components = [f"../../components/{name}" for name in ("prometheus-operator", "canary")]
    manifests = render(edited(copied / "overlays/production", components=components))
    (endpoint,) = only(manifests, "ServiceMonitor")["spec"]["endpoints"]
    meta = {"__meta_kubernetes_pod_label_rollouts_pod_template_hash": "5d4f"}
    assert labels(promtool, endpoint["relabelings"], meta, tmp_path)["slot"] == "5d4f"
    assert "slot" not in labels(promtool, endpoint["relabelings"], {}, tmp_path)
    (argument,) = (
        argument
        for argument in only(manifests, "Rollout")["spec"]["strategy"]["canary"]["analysis"]["args"]
        if argument["name"] == "slot"
    )
    assert argument["valueFrom"] == {"podTemplateHashValue": "Latest"}
    assert only(manifests, "Rollout")["metadata"]["labels"]["env"] == "production"


def generated(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script as its README says."""
    script = directory / "deploy/kubernetes/monitoring/generate.py"
    return subprocess.run([sys.executable, str(script), *arguments], check=False, capture_output=True, text=True)


@pytest.fixture
def service(generate: Generate, tmp_path: Path) -> Path:
    """A service with one dashboard more, which is hard to quote."""
    service = Path(shutil.copytree(generate(**EVERYTHING), tmp_path / "service"))
    dashboards = service / "ops/grafana/dashboards"
    dashboards.mkdir(parents=True, exist_ok=True)
    (dashboards / "Team_of odd things_.json").write_text('{"title": "a \\"b\\" ${c} {{ d }}"}\n\n', encoding="utf-8")
    return service


@pytest.fixture
def wrapped(service: Path) -> list[Object]:
    """What the script makes of a service's `ops/`."""
    done = generated(service)
    assert done.returncode == 0, done.stderr
    return read(service / "deploy/kubernetes/monitoring/generated.yaml")


def test_all_rules_arrive(wrapped: list[Object], promtool: str, tmp_path: Path) -> None:
    """Every group is that of `alerts/`, and Prometheus accepts the file that the operator will write."""
    rule = only(wrapped, "PrometheusRule")
    validate(rule)
    lie = [group for file in read(*sorted(ALERTS.glob("rules/*.yml"))) for group in file["groups"]]
    assert rule["spec"]["groups"] == lie
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(rule["spec"]), encoding="utf-8")
    subprocess.run([promtool, "check", "rules", "--lint=all", "--lint-fatal", file], check=True)


def test_all_dashboards_arrive(wrapped: list[Object], service: Path) -> None:
    """Byte for byte, under names a cluster accepts, each small enough to be stored."""
    maps = {name: text for found in wrapped if found["kind"] == "ConfigMap" for name, text in found["data"].items()}
    lie = [file.read_text() for file in sorted(service.glob("ops/grafana/dashboards/*.json"))]
    assert list(maps.values()) == lie
    assert {"http-client.json", "team-of-odd-things.json"} < maps.keys()
    assert all(len(text) < 1_000_000 for text in maps.values())
    for found in wrapped:
        validate(found)


def selected(found: list[Object], selector: str) -> set[str]:
    """The names of the ConfigMaps that a cluster would select."""
    part, version = (condition.rpartition("=")[::2] for condition in selector.split(","))
    maps = [each["metadata"] for each in found if each["kind"] == "ConfigMap"]
    assert version[0].endswith("!")
    return {
        each["name"]
        for each in maps
        if each["labels"].get(part[0]) == part[1] and each["labels"].get(version[0][:-1]) != version[1]
    }


def test_dashboards_that_were_removed_go(service: Path) -> None:
    """The printed command removes what an earlier set had, nothing of this set, and nothing of anybody else."""
    script, ops = service / "deploy/kubernetes/monitoring", service / "ops"
    generated(service)
    before = read(script / "generated.yaml")
    (ops / "grafana/dashboards/Team_of odd things_.json").unlink()
    done = generated(service)
    *command, selector = shlex.split(done.stdout)
    assert command == ["kubectl", "delete", "configmap", "--namespace", "monitoring", "--selector"]
    after = read(script / "generated.yaml")
    applied = {each["metadata"]["name"]: each for each in [*before, *after]}
    other = {"kind": "ConfigMap", "metadata": {"name": "grafana-own", "labels": {"grafana_dashboard": "1"}}}
    assert selected([*applied.values(), other], selector) == {"dashboard-team-of-odd-things"}


def test_without_rules_there_is_one_sentence(service: Path, tmp_path: Path) -> None:
    """A wrong directory is named, and nothing is written."""
    done = generated(service, str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path}/nowhere has no alerts/rules/*.rules.yml; give the directory that has them.\n"
    assert not (service / "deploy/kubernetes/monitoring/generated.yaml").exists()


@pytest.mark.delivery
def test_rules_and_dashboards_render(service: Path) -> None:
    """In the namespace where they are looked for."""
    assert generated(service).returncode == 0
    manifests = render(service / "deploy/kubernetes/monitoring")
    assert {manifest["metadata"]["namespace"] for manifest in manifests} == {"monitoring"}
    for manifest in manifests:
        validate(manifest)
