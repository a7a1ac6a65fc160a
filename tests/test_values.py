"""Each value has one home. Where a file must repeat it, because a tool loads that file unchanged, the copy is equal."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from rulebook import TARGET_LABELS, alerts
from template import ROOT, SERVICE_DIRECTORY

from generator.choices import items
from generator.contract import FASTEST_BURN_RATE, LATENCY_BUCKETS_MS
from generator.fields import MEMORY_MIB, PIDS
from generator.ownership import DEPLOY_TARGETS
from generator.pipelines import PIPELINES, PYTHON_VERSIONS
from generator.repository import QUESTIONS
from generator.text import LICENSES

SERVICE = ROOT / SERVICE_DIRECTORY
RUNTIME = ROOT / "runtime/src/firstlight"
ANSIBLE = "deploy/ansible/roles/service"
SETTINGS = (RUNTIME / "settings/settings.py").read_text("utf-8")


def found(file: str | Path, pattern: str) -> list[str]:
    """Every value that a pattern finds in a file of the template."""
    return re.findall(pattern, (SERVICE / file).read_text("utf-8"))


def default(setting: str) -> str:
    """The default of a setting, from the runtime."""
    (value,) = re.findall(rf"^    {setting}: \w+ = (?:Field\()?([\d.]+)", SETTINGS, re.MULTILINE)
    return str(value)


def constant(file: Path, name: str) -> object:
    """The value of a constant in a module that is not imported here."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
            return ast.literal_eval(value)
    pytest.fail(f"{file} has no {name}")


def tiers() -> list[tuple[str, str, str]]:
    """Burn rate, short window and long window of each tier, from the rules, which are their home."""
    rules = [rule for rule in alerts() if rule.name == "ErrorBudgetBurn"]
    limits = [re.findall(r'ratio\{window="(\w+)"\} > ([\d.]+)', rule.expr) for rule in rules]
    return [(rate, short, long) for (short, rate), (long, _), *_ in limits]


@pytest.mark.parametrize(
    ("question", "choices"),
    [
        ("python_version", PYTHON_VERSIONS),
        ("slo_latency_ms", LATENCY_BUCKETS_MS),
        ("ci", PIPELINES),
        ("license", tuple(LICENSES)),
    ],
)
def test_prompts_list_the_choices(question: str, choices: tuple[object, ...]) -> None:
    """cookiecutter.json is static; its prompts name the choices that the rules accept."""
    assert f"({', '.join(map(str, choices))})" in QUESTIONS["__prompts__"][question]


def test_the_prompt_lists_the_deploy_targets() -> None:
    """In the order of the generator."""
    assert QUESTIONS["__prompts__"]["deploy"].endswith(f"comma list of {', '.join(DEPLOY_TARGETS)}")
    assert items("all", DEPLOY_TARGETS) == list(DEPLOY_TARGETS)


def test_the_runtime_is_tested_on_every_python_offered() -> None:
    """On this machine and in the pipeline."""
    assert f"PYTHONS:-{' '.join(PYTHON_VERSIONS)}}}" in (ROOT / ".ci/runtime").read_text("utf-8")
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    assert tuple(workflow["jobs"]["runtime"]["strategy"]["matrix"]["python"]) == PYTHON_VERSIONS


def test_latency_buckets_are_those_of_the_contract() -> None:
    """The runtime's constant. The generator reads the contract itself; bench/ has a copy for made-up series."""
    seconds = tuple(milliseconds / 1000 for milliseconds in LATENCY_BUCKETS_MS)
    assert constant(RUNTIME / "metrics/instruments.py", "LATENCY_BUCKETS_SECONDS") == seconds
    assert constant(ROOT / "bench/alerts_scale/fleet.py", "BOUNDS") == seconds


def test_the_fastest_burn_rate_is_that_of_the_rules() -> None:
    """In the contract, in the runtime and in the canary's analysis; `make check` compares the two gates."""
    fastest = tiers()[0][0]
    assert str(FASTEST_BURN_RATE) == fastest
    assert str(constant(RUNTIME / "settings/objectives.py", "FASTEST_BURN_RATE")) == fastest
    assert found("deploy/kubernetes/components/canary/analysis.yaml", r"result\[0\] (?:<=|>) ([\d.]+)") == [fastest] * 4


def test_dashboards_draw_the_tiers_of_the_rules() -> None:
    """The red lines and windows of the panels, in the order of the tiers."""
    sections = yaml.safe_load((ROOT / "grafana/specs/slo.yml").read_text("utf-8"))["sections"]
    (panels,) = (section["panels"] for section in sections if "four tiers" in section["title"])
    drawn = [(*panel["thresholds"], *re.findall(r'window=~"(\w+)\|(\w+)"', panel["query"])[0]) for panel in panels]
    assert [(str(rate), short, long) for rate, short, long in drawn] == tiers()


def test_emitted_files_have_the_defaults_of_the_settings() -> None:
    """Drain and grace on hosts, and the share of fast requests in the answers."""
    assert found(f"{ANSIBLE}/defaults/main.yml", r"service_drain_seconds: (\d+)") == [default("drain_seconds")]
    assert found(f"{ANSIBLE}/defaults/main.yml", r"service_graceful_seconds: (\d+)") == [default("graceful_seconds")]
    assert found("src/{{cookiecutter.package_name}}/service.toml", r"\nlatency = ([\d.]+)") == [default("slo_latency")]
    assert f"{float(default('slo_latency')):.0%}".replace("%", " %") in QUESTIONS["__prompts__"]["slo_latency_ms"]


def test_the_stack_and_the_smoke_test_stop_after_the_same_time() -> None:
    """Drain, grace and the time to flush on hosts. Kubernetes adds its preStop: `make check` adds that up."""
    (flush,) = found(f"{ANSIBLE}/defaults/main.yml", r"service_flush_seconds: (\d+)")
    whole = str(int(default("drain_seconds")) + int(default("graceful_seconds")) + int(flush))
    assert found("deploy/image/smoke.sh", r"\ngrace=(\d+)") == [whole]
    assert found("compose.yaml", r"stop_grace_period: (\d+)s") == [whole]


def test_limits_of_web_are_those_of_the_generator() -> None:
    """Memory on Kubernetes and processes in the stack; other kinds of process have theirs from manifests."""
    assert set(found("deploy/kubernetes/base/deployment.yaml", r" memory: (\d+)Mi")) == {str(MEMORY_MIB)}
    assert found("compose.yaml", r"pids_limit: (\d+)") == [str(PIDS)]


def test_hosts_and_the_smoke_test_limit_processes_alike() -> None:
    """With and without other kinds of process."""
    (pids,) = set(found(f"{ANSIBLE}/templates/unit.service.j2", r"--pids-limit=(\d+)"))
    assert found(f"{ANSIBLE}/templates/instance.env.j2", r"\npids=(\d+)") == [pids]
    assert found("deploy/image/smoke.sh", r"--pids-limit (\d+)") == [pids]


def test_the_image_and_the_manifests_run_as_the_same_user() -> None:
    """Kubernetes refuses to start an image whose user it cannot tell from root."""
    (user,), (group,) = found("Dockerfile", r"\nUSER (\d+):"), found("Dockerfile", r"\nUSER \d+:(\d+)\n")
    for file in ("base/deployment.yaml", "base/processes.yaml", "commands/jobs.yaml"):
        assert found(f"deploy/kubernetes/{file}", r"runAsUser: (\d+)") == [user]
        assert found(f"deploy/kubernetes/{file}", r"runAsGroup: (\d+)") == [group]


def test_prometheus_is_configured_alike_everywhere() -> None:
    """The stack and hosts keep and scrape the same; so does the ServiceMonitor, and the tests' own Prometheus."""
    monitoring = "deploy/ansible/roles/monitoring"
    (limit,) = found("ops/prometheus/prometheus.yml", r"sample_limit: (\d+)")
    assert found(f"{monitoring}/templates/prometheus.yml.j2", r"sample_limit: (\d+)") == [limit]
    assert constant(ROOT / "tests/live.py", "SAMPLE_LIMIT") == int(limit)
    (retention,) = found("ops/compose/telemetry.yaml", r"retention\.time=(\w+)")
    assert found(f"{monitoring}/defaults/main.yml", r"monitoring_retention: (\w+)") == [retention]
    assert f"retention.time={retention})" in (ROOT / "alerts/rules/slo_period.rules.yml").read_text("utf-8")
    (interval,) = found("ops/prometheus/prometheus.yml", r"scrape_interval: (\w+)")
    assert found(f"{monitoring}/defaults/main.yml", r"monitoring_scrape_interval: (\w+)") == [interval]
    service_monitor = "deploy/kubernetes/components/prometheus-operator/service-monitor.yaml"
    assert found(service_monitor, r" interval: (\w+)") == [interval]


def test_ansible_is_the_same_version_everywhere() -> None:
    """The oldest release that the roles, the deploy and the tests accept."""
    (oldest,) = set(re.findall(r'"ansible-core>=([\d.]+),', (ROOT / "pyproject.toml").read_text("utf-8")))
    assert found("deploy/ansible/deploy.sh", r'"ansible-core>=([\d.]+),') == [oldest]
    for role in ("service", "monitoring"):
        assert found(f"deploy/ansible/roles/{role}/meta/main.yml", r'min_ansible_version: "(.*)"') == [oldest]


def test_tests_know_the_labels_and_priorities_of_the_runtime() -> None:
    """`make check` of a service and the tests of alerts/ accept the same."""
    known = constant(RUNTIME / "contract/part.py", "TARGET_LABELS")
    assert isinstance(known, set)
    assert known > TARGET_LABELS
    severities = constant(RUNTIME / "checks/rules.py", "SEVERITY")
    assert constant(ROOT / "tests/alerts/test_rules.py", "SEVERITY") == severities


def test_resource_attributes_are_those_of_the_contract() -> None:
    """The collector gives log lines the attributes that spans have, except the instance, which lines do not name."""
    contract = tomllib.loads((RUNTIME / "contract/runtime.toml").read_text("utf-8"))
    (keys,) = found("ops/collector/collector.yaml", r"keys: \[(.*)\]")
    assert {*keys.split(", "), "service.instance.id"} == set(contract["resource"]["attributes"])


def test_both_projects_choose_ports_alike() -> None:
    """The runtime is a project of its own, so its tests have a copy."""
    ours, theirs = ((ROOT / path).read_text("utf-8") for path in ("bench/ports.py", "runtime/tests/ports.py"))
    assert ours.partition("import secrets")[2] == theirs.partition("import secrets")[2]
