"""Check `contract`: the team's part of the contract has exactly the events and metrics of the source."""

import json
from collections.abc import Iterator
from functools import partial

from ..contract import Contract, Part
from ..contract.metric import Metric, key
from . import events, instruments, syntax
from .finding import Finding, FindingError, each
from .project import Project


def of(project: Project) -> Contract:
    """The combined contract of a service. Raises `FindingError` if the team's part cannot be read."""
    return Contract.of(project.components, own(project))


def own(project: Project) -> Part:
    """The team's part. Raises `FindingError`."""
    file = project.contract_file
    if not project.has(file):
        sentence = "does not exist; create it with a [metrics.<name>] table for each metric and [log] events = [...]."
        raise FindingError(file, sentence)
    return Part.of(file, project.toml(file))


def findings(project: Project) -> Iterator[Finding]:
    """Entries that are missing, superfluous or wrong in the team's part."""
    yield from each(project, (_problems, _event_names, _logged, _events, _declared, _metrics))


def _problems(project: Project) -> Iterator[Finding]:
    yield from (Finding(problem.file, problem.sentence) for problem in of(project).problems)


def _event_names(project: Project) -> Iterator[Finding]:
    for event in own(project).events:
        if not events.NAME.fullmatch(event):
            sentence = f'the event "{event}" must be lower case with a dot, such as "order.paid".'
            yield Finding(project.contract_file, sentence)


def _logged(project: Project) -> Iterator[Finding]:
    """Events that the source logs and the contract lacks."""
    add = partial(Finding, project.contract_file)
    known = of(project).events
    for event in events.logged(syntax.modules(project)):
        where = f"{event.file} line {event.line}"
        if event.name is None:
            yield Finding(
                event.file,
                f"line {event.line} logs an event whose name is not a literal: write the name as "
                f"{project.contract_file} has it, and what varies as fields.",
            )
        elif event.name not in known and not events.NAME.fullmatch(event.name):
            yield Finding(
                event.file,
                f'line {event.line} logs "{event.name}", which is not an event name: write noun.verb in lower case, '
                'such as "order.paid", and what varies as fields.',
            )
        elif event.name not in known:
            yield add(f'add "{event.name}" to events of [log]: {where} logs it.')


def _events(project: Project) -> Iterator[Finding]:
    """Events of the team's part that the source does not log."""
    strings = {text for module in syntax.modules(project) for text in module.strings()}
    for event in own(project).events:
        if event not in strings:
            sentence = f'remove "{event}" from events of [log], or log it: nothing in {project.source} does.'
            yield Finding(project.contract_file, sentence)


def _declared(project: Project) -> Iterator[Finding]:
    """Metrics of the source that the contract lacks, or has with another kind or other labels."""
    known = of(project).metrics
    for instrument in instruments.declared(syntax.modules(project)):
        where = f"{instrument.file} line {instrument.line}"
        metric = known.get(instrument.family)
        if metric is None:
            labels = "" if instrument.labels is None else f" and labels = {_listed(instrument.labels)}"
            sentence = (
                f'add [metrics.{key(instrument.name)}] with kind = "{instrument.kind}"{labels}: {where} declares it.'
            )
            yield Finding(project.contract_file, sentence)
        elif metric.file != project.contract_file:
            yield Finding(
                instrument.file,
                f"line {instrument.line} declares {instrument.name}, which {metric.file} has already: give it another "
                f"name, and that name in {project.contract_file}.",
            )
        elif wrong := _difference(metric, instrument):
            yield Finding(project.contract_file, f"[metrics.{metric.name}] must have {wrong}: {where} says so.")


def _difference(metric: Metric, instrument: instruments.Instrument) -> str:
    if metric.kind != instrument.kind:
        return f'kind = "{instrument.kind}"'
    if instrument.labels is not None and set(metric.labels) != set(instrument.labels):
        return f"labels = {_listed(instrument.labels)}"
    return ""


def _listed(labels: tuple[str, ...]) -> str:
    return f"[{', '.join(json.dumps(label) for label in labels)}]"


def _metrics(project: Project) -> Iterator[Finding]:
    """Metrics of the team's part that the source does not declare."""
    modules = syntax.modules(project)
    declared = {instrument.family for instrument in instruments.declared(modules)}
    strings = {text for module in modules for text in module.strings()}
    for metric in own(project).metrics:
        if metric.family not in declared and not {metric.name, metric.family} & strings and not metric.exported_by:
            yield Finding(
                project.contract_file,
                f"remove [metrics.{metric.name}], or declare it: nothing in {project.source} does. When a library "
                'exports it, add exported_by = "<distribution>".',
            )
