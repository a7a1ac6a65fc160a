"""The role fits the service it runs. It is the team's to edit: these are the joints that must keep holding."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from <%= cookiecutter.package_name %> import lifespan
from <%= cookiecutter.package_name %>.settings import FASTEST_BURN_RATE, Settings

PROJECT = Path(__file__).parents[3]
ANSIBLE = PROJECT / "deploy/ansible"
ROLE = ANSIBLE / "roles/service"
CONTRACT = tomllib.loads((PROJECT / "contract/service.toml").read_text())
KEYWORDS = {"block", "rescue", "always", "pre_tasks", "tasks", "post_tasks"}
FLUSHES = 4  # spans, error reports and log lines before the process ends its lifespan; what is said after it


def load(path: Path) -> Any:
    """Parse YAML."""
    return yaml.safe_load(path.read_text())


def tasks(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every task, those of blocks and plays included."""
    nested = [task for entry in entries for key in KEYWORDS & entry.keys() for task in tasks(entry[key])]
    return [entry for entry in entries if not KEYWORDS & entry.keys() and "hosts" not in entry] + nested


DEFAULTS = load(ROLE / "defaults/main.yml")
VARS = load(ROLE / "vars/main.yml")
GATE = (ROLE / "files/deploy_gate.py").read_text()


def test_nothing_has_to_be_fetched_before_a_deploy() -> None:
    """Ansible's own modules are enough."""
    files = [*ANSIBLE.glob("*.yml"), *ANSIBLE.glob("roles/*/tasks/*.yml"), *ANSIBLE.glob("roles/*/handlers/*.yml")]
    modules = {key for path in files for task in tasks(load(path)) for key in task if "." in key}

    assert len(files) > 10
    assert {module.rpartition(".")[0] for module in modules} == {"ansible.builtin"}


def test_nothing_is_killed_that_could_end_by_itself() -> None:
    """The time to stop covers the drain, the requests in flight and the last telemetry."""
    flush = FLUSHES * lifespan.FLUSH_SECONDS + lifespan.LAST_RECORDS_POLLS * lifespan.POLL_SECONDS
    parts = re.findall(r"service_(\w+)_seconds", VARS["service_stop_seconds"])
    own = VARS["service_own_settings"]

    assert parts == ["drain", "graceful", "flush"]
    assert own["DRAIN_SECONDS"] == "{{ service_drain_seconds }}"
    assert own["GRACEFUL_SECONDS"] == "{{ service_graceful_seconds }}"
    assert DEFAULTS["service_flush_seconds"] >= flush
    assert "--time={{ service_stop_seconds }}" in (ROLE / "templates/unit.service.j2").read_text()


def test_the_service_knows_every_setting_it_is_given() -> None:
    """A misspelt one would be ignored."""
    given = re.findall(r"^([A-Z_]+)=", (ROLE / "templates/instance.env.j2").read_text(), re.MULTILINE)
    known = {name.upper() for name in Settings.model_fields}

    assert {*VARS["service_own_settings"], *given} <= known


def test_traffic_goes_to_what_is_ready() -> None:
    """What haproxy asks is the probe that the contract names, on the management port."""
    proxy = (ROLE / "templates/haproxy.cfg.j2").read_text()

    assert re.findall(r"http-check send meth GET uri (\S+)", proxy) == [CONTRACT["probes"]["ready"]]
    assert "port {{ on.management_ports[number - 1] }}" in proxy


def test_the_gate_reads_what_the_contract_names() -> None:
    """Names, labels, path, and the rate that pages."""
    histogram = re.findall(r'^REQUESTS = "(\w+)"', GATE, re.MULTILINE)
    labels = set(re.findall(r'labels\["(\w+)"\]', GATE))
    requests, objectives = (CONTRACT["metrics"][name] for name in (*histogram, "slo_objective_ratio"))

    assert requests["type"] == "histogram"
    assert labels <= {*requests["labels"], *objectives["labels"]}
    assert VARS["service_metrics"].endswith(CONTRACT["management"]["metrics"])
    assert f'"--burn-rate", default={FASTEST_BURN_RATE},' in GATE


def test_prometheus_gets_the_fleet_s_rules_and_labels() -> None:
    """Rules and routes from where they lie, targets with the labels by which rules know a service."""
    monitoring = load(ANSIBLE / "roles/monitoring/defaults/main.yml")
    alerts = Path(monitoring["monitoring_alerts"].replace("{{ playbook_dir }}", str(ANSIBLE)))

    assert list(alerts.glob("rules/*.rules.yml"))
    assert (alerts / "alertmanager/alertmanager.yml").exists()
    assert VARS["service_labels"].keys() == {"service", "env", "process"}
