"""The manifests fit the service they run. They are the team's to edit: these are the joints that must keep holding."""

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from <%= cookiecutter.package_name %> import lifespan
from <%= cookiecutter.package_name %>.components import COMPONENTS
from <%= cookiecutter.package_name %>.settings import Settings, load

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

PROJECT = Path(__file__).parents[3]
KUBERNETES = PROJECT / "deploy/kubernetes"
OVERLAYS = sorted(path for path in (KUBERNETES / "overlays").iterdir() if path.is_dir())
CONTRACT = tomllib.loads((PROJECT / "contract/service.toml").read_text())

# Spans, error reports and log lines before the process ends its lifespan; what is said after it.
FLUSHES = 4
FLUSH_SECONDS = FLUSHES * lifespan.FLUSH_SECONDS + lifespan.LAST_RECORDS_POLLS * lifespan.POLL_SECONDS


def objects(path: str) -> list[dict[str, Any]]:
    """Every object of a file."""
    return list(yaml.safe_load_all((KUBERNETES / path).read_text()))


DEPLOYMENT = objects("base/deployment.yaml")[0]["spec"]
POD = DEPLOYMENT["template"]["spec"]
CONTAINER = POD["containers"][0]
PORTS = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}


def variables(overlay: Path) -> dict[str, str]:
    """What an overlay puts into the service's environment; what only the cluster knows is left empty."""
    lines = (overlay / "settings.env").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return values | {variable["name"]: variable.get("value", "") for variable in CONTAINER["env"]}


def settings(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings a pod of that overlay starts with."""
    for name, value in variables(overlay).items():
        monkeypatch.setenv(name, value)
    for component in COMPONENTS:
        load(component.settings)
    return load(Settings)


def test_probes_ask_what_the_contract_names() -> None:
    """Three probes, three paths, all on the management port."""
    kinds = {"live": "livenessProbe", "ready": "readinessProbe", "startup": "startupProbe"}
    asked = {kind: CONTAINER[probe]["httpGet"] for kind, probe in kinds.items()}

    assert {kind: request["path"] for kind, request in asked.items()} == CONTRACT["probes"]
    assert {PORTS[request["port"]] for request in asked.values()} == {CONTRACT["management"]["port"]}


def test_ports_are_those_the_service_opens() -> None:
    """Its two planes, and nobody refers to a third."""
    named = [port["targetPort"] for service in objects("base/service.yaml") for port in service["spec"]["ports"]]
    (policy,) = objects("base/network-policy.yaml")
    allowed = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]

    assert (PORTS["http"], PORTS["management"]) == (Settings().port, CONTRACT["management"]["port"])
    assert sorted(named) == sorted(allowed) == sorted(PORTS)


def test_metrics_are_scraped_where_they_are() -> None:
    """With the labels by which rules and dashboards know a target."""
    (monitor,) = objects("components/prometheus-operator/service-monitor.yaml")
    (endpoint,) = monitor["spec"]["endpoints"]
    named = {port["name"]: port for service in objects("base/service.yaml") for port in service["spec"]["ports"]}

    assert PORTS[named[endpoint["port"]]["targetPort"]] == CONTRACT["management"]["port"]
    assert endpoint["path"] == CONTRACT["management"]["metrics"]
    assert {"service", "env", "instance", "process"} <= {label["targetLabel"] for label in endpoint["relabelings"]}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
def test_the_service_starts_with_its_settings(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad value would end every pod at its start, and nobody would notice a misspelt name."""
    kinds: list[tuple[str, type[BaseSettings]]] = [("", Settings)]
    kinds += [(component.settings.model_config.get("env_prefix", ""), component.settings) for component in COMPONENTS]
    known = {f"{prefix}{name}".upper() for prefix, kind in kinds for name in kind.model_fields}
    given = variables(overlay)
    mentioned = set(re.findall(r"\$\((\w+)\)", " ".join(given.values())))

    assert given.keys() - mentioned - known == set()
    assert settings(overlay, monkeypatch)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
def test_nothing_is_killed_that_could_end_by_itself(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The grace period covers the wait for proxies, the drain, the requests in flight and the last telemetry."""
    started = settings(overlay, monkeypatch)
    wait = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = wait + started.drain_seconds + started.graceful_seconds + FLUSH_SECONDS

    assert POD["terminationGracePeriodSeconds"] >= needed


def test_a_start_may_take_as_long_as_its_probe_allows() -> None:
    """A rollout must not be called failed while a pod may still start."""
    probe = CONTAINER["startupProbe"]
    may_take = probe["periodSeconds"] * probe["failureThreshold"] + DEPLOYMENT["minReadySeconds"]

    assert DEPLOYMENT["progressDeadlineSeconds"] > may_take


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
def test_an_overlay_is_its_environment(overlay: Path) -> None:
    """The label decides who is woken, and Kustomize replaces the image and the settings by name alone."""
    (kustomization,) = objects(f"overlays/{overlay.name}/kustomization.yaml")
    labels = [label["pairs"].get("env") for label in kustomization["labels"] if label.get("includeTemplates")]
    sources = [source["configMapRef"]["name"] for source in CONTAINER["envFrom"] if "configMapRef" in source]

    assert overlay.name in labels
    assert [image["name"] for image in kustomization["images"]] == [CONTAINER["image"]]
    assert [made["name"] for made in kustomization["configMapGenerator"]] == sources
