"""Part of the check `manifests`: DATABASE_INSTANCES is at least the number of pods that the autoscaler may run."""

from collections.abc import Iterator
from typing import Any

import yaml

from . import document, overlays
from .document import Document
from .finding import Finding
from .project import Project

VARIABLE, DEFAULT = "DATABASE_INSTANCES", 1
AUTOSCALER = f"{overlays.KUBERNETES}/base/autoscaler.yaml"
KIND = "HorizontalPodAutoscaler"
PATH = "/spec/maxReplicas"


def few(project: Project) -> Iterator[Finding]:
    """Environments whose pools are compared with the connections of the database for too few pods."""
    if "database" not in project.components or not project.has(AUTOSCALER):
        return
    base = document.read(project, AUTOSCALER).number("spec", "maxReplicas")
    for overlay in overlays.names(project):
        file = f"{overlays.KUBERNETES}/overlays/{overlay}/kustomization.yaml"
        most = _patched(document.read(project, file), base)
        given = overlays.variables(project, overlay).get(VARIABLE, "").strip()
        if (int(given) if given.isdecimal() else DEFAULT) < most:
            sentence = (
                f"{VARIABLE} must be at least {most:g}, as the autoscaler may run so many pods (maxReplicas), "
                "and each has a pool of connections."
            )
            yield Finding(overlays.settings_file(overlay), sentence)


def _patched(kustomization: Document, most: float) -> float:
    """`maxReplicas` after the patches of an overlay."""
    for patch in kustomization.entries("patches"):
        if patch.find("target", "kind") == KIND or KIND in str(patch.find("patch")):
            most = next(_values(yaml.safe_load(str(patch.find("patch") or ""))), most)
    return most


def _values(patch: Any) -> Iterator[float]:
    """The value that a patch sets: a list of operations, or a part of the object."""
    if isinstance(patch, list):
        yield from (each["value"] for each in reversed(patch) if isinstance(each, dict) and each.get("path") == PATH)
    elif isinstance(patch, dict) and "maxReplicas" in (patch.get("spec") or {}):
        yield patch["spec"]["maxReplicas"]
