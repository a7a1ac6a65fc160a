"""Check `openapi`: the committed OpenAPI document is that of the service."""

from collections.abc import Iterator

from ..openapi.differences import CURE, differences
from . import start
from .finding import Finding, FindingError, each
from .project import Project

FILE = "openapi.json"


def findings(project: Project) -> Iterator[Finding]:
    """The parts of the document that differ."""
    yield from each(project, (_document,))


def _document(project: Project) -> Iterator[Finding]:
    current = start.page(project).openapi
    if current is None:  # the service does not start: a finding of `page`
        return
    if not project.has(FILE):
        raise FindingError(FILE, "is missing: run `make openapi`, and commit it.")
    committed = project.json(FILE)
    if not isinstance(committed, dict):
        raise FindingError(FILE, f"must be an OpenAPI document; {CURE}.")
    for sentence in differences(committed, current):
        yield Finding(FILE, f"{sentence}.")
