"""What components find when they ask their servers: `firstlight.components.<name>.doctor`, where there is one."""

from collections.abc import Callable
from importlib import import_module, util
from typing import NamedTuple

from ..checks import Finding, Project

PACKAGE = __package__.rpartition(".")[0]


class Asked(NamedTuple):
    """Findings, and notes where no server could be asked."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()


def ask(project: Project) -> Asked:
    """The findings and notes of all components of the service."""
    answers = [each(project) for name in project.components if (each := _doctor(name)) is not None]
    return Asked(
        findings=tuple(finding for answer in answers for finding in answer.findings),
        notes=tuple(note for answer in answers for note in answer.notes),
    )


def _doctor(component: str) -> Callable[[Project], Asked] | None:
    """The function `ask` of a component. None without one, and where its extra is not installed."""
    try:
        if util.find_spec(f"{PACKAGE}.components.{component}.doctor") is None:
            return None
        module = import_module(f"{PACKAGE}.components.{component}.doctor")
    except ModuleNotFoundError:
        return None
    function: Callable[[Project], Asked] = module.ask
    return function
