"""Check `hosts`: deploy/ansible fits the service. The team may edit the role; these values must stay consistent."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import contract, document, host_processes, variables
from .finding import Finding, each
from .host_processes import ROLE, UNIT, VARS
from .project import Project

ANSIBLE = "deploy/ansible"
DEFAULTS, PROXY = f"{ROLE}/defaults/main.yml", f"{ROLE}/templates/haproxy.cfg.j2"
INSTANCE, GATE = f"{ROLE}/templates/instance.env.j2", f"{ROLE}/files/deploy_gate.py"
MONITORING = f"{ANSIBLE}/roles/monitoring/defaults/main.yml"
PLAYS = (f"{ANSIBLE}/*.yml", f"{ANSIBLE}/roles/*/tasks/*.yml", f"{ANSIBLE}/roles/*/handlers/*.yml")
NESTED = ("block", "rescue", "always", "pre_tasks", "tasks", "post_tasks")
MANAGEMENT_PORT = "port {{ on.management_ports[number - 1] }}"
ALERTS = ("rules/*.rules.yml", "alertmanager/alertmanager.yml")


def findings(project: Project) -> Iterator[Finding]:
    """Faults that keep the service from starting, ending in time, getting traffic or being scraped on hosts."""
    if project.has(ANSIBLE):
        own = (_modules, _stop, _settings, _traffic, _gate, _monitoring)
        yield from each(project, (*own, host_processes.ports, host_processes.sandbox, host_processes.gate))


def _modules(project: Project) -> Iterator[Finding]:
    """The role uses only modules of ansible.builtin, so that nothing has to be installed before a deploy."""
    for file in project.glob(*PLAYS):
        content = document.read(project, file).content or []
        for name in sorted({key for task in _tasks(content) for key in task if "." in key}):
            if name.rpartition(".")[0] != "ansible.builtin":
                yield Finding(
                    file, f"uses {name}, a collection that has to be installed: use a module of ansible.builtin."
                )


def _tasks(entries: Any) -> Iterator[Mapping[str, Any]]:
    """Every task, including those in blocks and plays."""
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            inner = [key for key in NESTED if key in entry]
            for key in inner:
                yield from _tasks(entry[key])
            if not inner and "hosts" not in entry:
                yield entry


def _stop(project: Project) -> Iterator[Finding]:
    """The time to stop includes the drain, the requests in flight and the last telemetry."""
    constants, defaults = document.read(project, VARS), document.read(project, DEFAULTS)
    if re.findall(r"service_(\w+)_seconds", constants.text("service_stop_seconds")) != ["drain", "graceful", "flush"]:
        names = " + ".join(f"service_{name}_seconds" for name in ("drain", "graceful", "flush"))
        yield Finding(VARS, f"service_stop_seconds must be {names}.")
    for name in ("drain", "graceful"):
        variable, wanted = f"{name.upper()}_SECONDS", f"{{{{ service_{name}_seconds | int }}}}"
        if constants.find("service_own_settings", variable) != wanted:  # text, when it comes from the command line
            yield Finding(VARS, f'service_own_settings must have {variable}: "{wanted}".')
    flush = contract.of(project).fact("drain", "flush_seconds")
    if defaults.number("service_flush_seconds") < flush:
        yield Finding(DEFAULTS, f"service_flush_seconds must be at least {flush}, so that the last telemetry is sent.")
    if "--time={{ service_stop_seconds }}" not in project.text(UNIT):
        yield Finding(UNIT, "ExecStop must stop the container with --time={{ service_stop_seconds }}.")


def _settings(project: Project) -> Iterator[Finding]:
    """Variables that the service would ignore, because it does not read them."""
    known = variables.known(project)
    given = {INSTANCE: re.findall(r"^([A-Z][A-Z0-9_]*)=", project.text(INSTANCE), re.MULTILINE)}
    given[VARS] = list(document.read(project, VARS).mapping("service_own_settings"))
    for file, names in given.items():
        for name in sorted(set(names) - known):
            yield variables.unread(file, name)


def _traffic(project: Project) -> Iterator[Finding]:
    """The health check of haproxy asks the readiness probe, on the management port."""
    proxy, ready = project.text(PROXY), contract.of(project).probes["ready"]
    if re.findall(r"http-check send meth GET uri (\S+)", proxy) != [ready]:
        yield Finding(PROXY, f"must ask the readiness probe, once: http-check send meth GET uri {ready}.")
    if MANAGEMENT_PORT not in proxy:
        yield Finding(PROXY, f"each server must be asked on its management port: {MANAGEMENT_PORT}.")


def _gate(project: Project) -> Iterator[Finding]:
    """The gate reads series of the contract, and uses the burn rate that pages."""
    gate, shipped = project.text(GATE), contract.of(project)
    names = re.findall(r'"(slo_\w+)"', gate)
    if not names:
        yield Finding(GATE, "must read the objectives of the contract, and their events.")
    series = shipped.series()
    for name in sorted({*names} - series.keys()):
        yield Finding(GATE, f"reads {name}, which is not a series of the contract.")
    known = {label for name in names for label in series.get(name, ())}
    for label in sorted(set(re.findall(r'labels\["(\w+)"\]', gate)) - known):
        yield Finding(GATE, f"reads the label {label}, which none of its metrics has.")
    rate = shipped.fact("alerts", "fastest_burn_rate")
    if f'"--burn-rate", default={rate},' not in gate:
        yield Finding(GATE, f"--burn-rate must be {rate} by default, the rate that pages.")


def _monitoring(project: Project) -> Iterator[Finding]:
    """Prometheus scrapes the path of the contract, and loads the fleet's rules with the right target labels."""
    constants = document.read(project, VARS)
    metrics = contract.of(project).fact("management", "metrics")
    if not constants.text("service_metrics").endswith(metrics):
        yield Finding(VARS, f"service_metrics must end in {metrics}.")
    if set(constants.mapping("service_labels")) != {"service", "env", "process"}:
        yield Finding(VARS, "service_labels must be service, env and process: rules and dashboards select by them.")
    given = document.read(project, MONITORING).text("monitoring_alerts")
    alerts = given.replace("{{ playbook_dir }}", ANSIBLE)
    for pattern in ALERTS:
        if not list((project.root / alerts).glob(pattern)):
            yield Finding(MONITORING, f"monitoring_alerts is {given}, where there is no {pattern}.")
