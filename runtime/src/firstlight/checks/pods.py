"""Part of the check `manifests`: the start, the settings and the end of a pod."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from . import contract, overlays, start, variables
from .document import Document
from .finding import Finding
from .overlays import DEPLOYMENT
from .project import Project

RESOURCES = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))


def _names(project: Project) -> Iterator[Finding]:
    """Variables that the service would ignore, because it does not read them."""
    known = variables.known(project)
    own = {name for name, _ in overlays.in_container(project)}
    for overlay in overlays.names(project):
        given = overlays.variables(project, overlay)
        mentioned = set(re.findall(r"\$\((\w+)\)", " ".join(given.values())))
        for name in sorted(given.keys() - mentioned - known):
            file = DEPLOYMENT if name in own else overlays.settings_file(overlay)
            yield variables.unread(file, name)


@lru_cache(maxsize=1)  # an import of the service takes a second
def _starts(project: Project) -> Sequence[tuple[str, start.Start]]:
    names = overlays.names(project)
    return [*zip(names, start.read(project, [overlays.variables(project, name) for name in names]), strict=True)]


def _values(project: Project) -> Iterator[Finding]:
    """Values with which the service does not start."""
    for overlay, started in _starts(project):
        if started.error:
            sentence = f"the service does not start with it: {started.error}."
            yield Finding(overlays.settings_file(overlay), sentence)


def _grace(project: Project) -> Iterator[Finding]:
    """The grace period includes preStop, the drain, the requests in flight and the last telemetry."""
    pod = Document(DEPLOYMENT, overlays.deployment(project).mapping("template", "spec"))
    wait = overlays.container(project).number("lifecycle", "preStop", "sleep", "seconds")
    flush = contract.of(project).fact("drain", "flush_seconds")
    given = pod.number("terminationGracePeriodSeconds")
    for overlay, started in _starts(project):
        if started.error:
            continue
        needed = wait + started.seconds("drain_seconds") + started.seconds("graceful_seconds") + flush
        if given < needed:
            sentence = (
                f"terminationGracePeriodSeconds is {given:g}, and {overlay} needs {needed:g}: preStop {wait:g}, "
                f"DRAIN_SECONDS, GRACEFUL_SECONDS, and {flush:g} for the last telemetry."
            )
            yield Finding(DEPLOYMENT, sentence)


def _startup(project: Project) -> Iterator[Finding]:
    """The progress deadline is longer than the start of a pod may take."""
    deployment, container = overlays.deployment(project), overlays.container(project)
    period, failures = (container.number("startupProbe", key) for key in ("periodSeconds", "failureThreshold"))
    may_take = period * failures + deployment.number("minReadySeconds")
    if deployment.number("progressDeadlineSeconds") <= may_take:
        sentence = (
            f"progressDeadlineSeconds must be above {may_take:g}, the time that startupProbe and minReadySeconds allow."
        )
        yield Finding(DEPLOYMENT, sentence)


def _resources(project: Project) -> Iterator[Finding]:
    """Requests reserve resources for the pod, and a limit keeps a leak from using the memory of the node."""
    container = overlays.container(project)
    for path in RESOURCES:
        if container.find("resources", *path) is None:
            yield Finding(DEPLOYMENT, f"resources.{'.'.join(path)} is missing.")


PARTS: tuple[Callable[[Project], Iterator[Finding]], ...] = (_names, _values, _grace, _startup, _resources)
