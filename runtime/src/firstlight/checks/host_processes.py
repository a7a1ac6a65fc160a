"""Part of the check `hosts`: the commands of the role, and its kinds of process other than web."""

import re
from collections.abc import Iterator

from . import contract, document
from .finding import Finding
from .project import Project

ROLE = "deploy/ansible/roles/service"
VARS, UNIT = f"{ROLE}/vars/main.yml", f"{ROLE}/templates/unit.service.j2"
COMMAND, GATE = f"{ROLE}/tasks/command.yml", f"{ROLE}/files/process_gate.py"
# The instances of a host share one address, so each kind and slot has a range of 100 management ports. The distance
# of the kind's port from that of web selects the range.
FIRST = {"blue": 9601, "green": 9701}
APART = 200
SANDBOX = ("--pull=", "--network=", "--read-only", "--cap-drop=", "--security-opt=")
SERIES = re.compile(r'"((?:process|service|slo|unhandled)_\w+)"')


def ports(project: Project) -> Iterator[Finding]:
    """Each kind of process in service.toml runs on the hosts, on the ports that discovery and firewalls expect."""
    constants = document.read(project, VARS)
    web = contract.of(project).fact("management", "port")
    kinds = {name: port for name, port in project.processes.items() if port != web}
    known = constants.parts("service_processes") if "service_processes" in constants.mapping() else {}
    for name in sorted(known.keys() - kinds):
        yield Finding(VARS, f"service_processes has {name}, which is not a process of {project.answers_file}.")
    for name, port in sorted(kinds.items()):
        if name not in known:
            yield Finding(VARS, f"service_processes lacks {name}, a process of {project.answers_file}.")
            continue
        for slot, first in FIRST.items():
            wanted = first + APART * (port - web)
            if f"range({wanted}, " not in known[name].text("management_ports", slot):
                yield Finding(VARS, f"the management ports of {name} in {slot} must begin at {wanted}.")


def sandbox(project: Project) -> Iterator[Finding]:
    """A command runs with the same restrictions as an instance."""
    if not project.has(COMMAND):
        return
    unit, command = (set(re.findall(r"--[a-z][a-z-]*(?:=[a-z-]+)?", project.text(file))) for file in (UNIT, COMMAND))
    for option in sorted(option for option in unit - command if option.startswith(SANDBOX)):
        yield Finding(COMMAND, f"must run the command with {option}, as an instance is.")


def gate(project: Project) -> Iterator[Finding]:
    """The gate of processes reads series of the contract, and uses the burn rate that pages."""
    if not project.has(GATE):
        return
    text, shipped = project.text(GATE), contract.of(project)
    for name in sorted(set(SERIES.findall(text)) - shipped.series().keys()):
        yield Finding(GATE, f"reads {name}, which is not a series of the contract.")
    rate = shipped.fact("alerts", "fastest_burn_rate")
    if f"BURN_RATE = {rate} " not in text:
        yield Finding(GATE, f"BURN_RATE must be {rate}, the rate that pages.")
