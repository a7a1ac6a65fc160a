"""Runbooks: one per alert, in one shape, with queries that parse and metrics that exist."""

import re
import subprocess
from pathlib import Path

import pytest
from rulebook import (
    ALERTS,
    RUNBOOKS,
    TARGET_LABELS,
    alert_names,
    alerts,
    known_series,
    log_events,
    part,
    selectors,
)
from template import ROOT, SERVICE_DIRECTORY

HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]

SETTINGS = [ROOT / f"runtime/src/firstlight/settings/{name}.py" for name in ("settings", "opentelemetry")]
OVERLAYS = sorted((ROOT / SERVICE_DIRECTORY).glob("deploy/kubernetes/overlays/*/kustomization.yaml"))

every_alert = pytest.mark.parametrize("alert", alert_names())


def section(alert: str, heading: str) -> str:
    """The text below one heading."""
    return text(alert).split(f"\n## {heading}\n")[1].split("\n## ")[0].strip()


def text(alert: str) -> str:
    """The runbook of an alert."""
    return (RUNBOOKS / f"{alert}.md").read_text("utf-8")


def blocks(alert: str, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text(alert), re.DOTALL)


def test_every_runbook_has_its_alert() -> None:
    """No runbook is left over."""
    assert [file.stem for file in sorted(RUNBOOKS.iterdir())] == alert_names()


@every_alert
def test_has_the_four_headings(alert: str) -> None:
    """Every runbook has the same headings in the same order."""
    assert text(alert).startswith(f"# {alert}\n")
    assert re.findall(r"^## (.*)$", text(alert), re.MULTILINE) == HEADINGS
    assert all(section(alert, heading) for heading in HEADINGS)


@every_alert
def test_diagnosis_names_dashboard_query_log_and_command(alert: str) -> None:
    """Each diagnosis has a link, a query, a log query and a command to copy."""
    diagnosis = section(alert, "Diagnosis")
    (dashboards,) = {re.split(r"[?]", rule.annotations["dashboard_url"])[0] for rule in alerts() if rule.name == alert}
    assert f"`{dashboards}" in diagnosis
    assert all(f"```{language}\n" in diagnosis for language in ("promql", "logql", "sh"))
    assert re.search(r"kubectl|systemctl|curl|amtool", diagnosis)


@every_alert
def test_queries_parse_and_read_what_exists(alert: str) -> None:
    """Every PromQL line can be pasted as it is."""
    known = known_series()
    for query in "".join(blocks(alert, "promql")).splitlines():
        for selector in selectors(query):
            assert selector.metrics <= known.keys()
            if len(selector.metrics) == 1:
                assert selector.labels <= known[min(selector.metrics)] | TARGET_LABELS


@every_alert
def test_log_queries_use_the_fields_of_the_contract(alert: str) -> None:
    """An event or a field nobody logs finds nothing."""
    log = part(None)["log"]
    for query in blocks(alert, "logql"):
        fields = set(re.findall(r"(\w+)=~?\"", query)) - {"service_name"}
        assert fields <= {*log["fields"], *log["request_fields"]}
        named = {event for match in re.findall(r"event=~?\"([^\"]+)\"", query) for event in match.split("|")}
        assert named <= log_events(component_of(alert))


def component_of(alert: str) -> str | None:
    """The component that an alert is about."""
    return next(rule.component for rule in alerts() if rule.name == alert)


@every_alert
def test_commands_say_where_and_how_much(alert: str) -> None:
    """Without a namespace kubectl finds nothing; without --tail it shows ten lines of each pod's log."""
    for command in re.findall(r"kubectl [^`|\n]+", text(alert)):
        assert re.match(r"kubectl -n (\$service-\$env|monitoring) ", command) or "--all-namespaces" in command
        assert "logs -l" not in command or "--tail=" in command


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.parent.name)
def test_a_namespace_is_service_and_env(overlay: Path) -> None:
    """As the commands have it, and the labels that discovery sets."""
    contents = overlay.read_text("utf-8")
    (env,) = re.findall(r"^ +env: (\w+)$", contents, re.MULTILINE)
    assert f"\nnamespace: <%= cookiecutter.project_slug %>-{env}\n" in contents


@every_alert
def test_commands_parse(alert: str) -> None:
    """Every command can be pasted as it is."""
    for block in blocks(alert, "sh"):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)


@every_alert
def test_what_it_names_exists(alert: str) -> None:
    """Links between runbooks, names of other alerts, and settings resolve."""
    names = set(alert_names())
    for link in re.findall(r"\]\(([^)]+)\)", text(alert)):
        assert (RUNBOOKS / link).is_file()
    for word in re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", text(alert)):
        assert word in names
    for setting in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text(alert)):
        of_component = setting in part(component_of(alert)).get("variables", [])
        assert of_component or any(f"\n    {setting.lower()}: " in file.read_text("utf-8") for file in SETTINGS)


def test_every_path_a_runbook_names_exists() -> None:
    """A file of `alerts/` that a runbook names is there."""
    named = {
        match
        for file in RUNBOOKS.iterdir()
        for match in re.findall(r"`([\w/-]+\.rules\.yml)`", file.read_text("utf-8"))
    }
    lying = {str(file.relative_to(ALERTS)) for file in ALERTS.rglob("*.yml")} | {
        Path(f).name for f in ALERTS.rglob("*.yml")
    }
    assert named <= lying
