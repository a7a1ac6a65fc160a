"""The overlays of deploy/kubernetes: one for each environment."""

from collections.abc import Iterator, Mapping

from . import document
from .document import Document
from .finding import FindingError
from .project import Project

KUBERNETES = "deploy/kubernetes"
DEPLOYMENT = f"{KUBERNETES}/base/deployment.yaml"


def deployment(project: Project) -> Document:
    """The specification of the Deployment."""
    return Document(DEPLOYMENT, document.read_all(project, DEPLOYMENT)[0].mapping("spec"))


def container(project: Project) -> Document:
    """The container of the service."""
    return deployment(project).first("template", "spec", "containers")


def names(project: Project) -> list[str]:
    """The name of every overlay."""
    directory = project.root / KUBERNETES / "overlays"
    return sorted(path.name for path in directory.glob("*") if path.is_dir())


def settings_file(name: str) -> str:
    """The file with the variables of an overlay."""
    return f"{KUBERNETES}/overlays/{name}/settings.env"


def variables(project: Project, name: str) -> Mapping[str, str]:
    """The service's environment in an overlay. Values that only the cluster has are empty."""
    return dict(_given(project, settings_file(name))) | dict(in_container(project))


def _given(project: Project, file: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(project.text(file).splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            variable, equals, value = line.partition("=")
            if not equals:
                raise FindingError(file, f"line {number} must be NAME=value.")
            yield variable, value


def in_container(project: Project) -> Iterator[tuple[str, str]]:
    """The variables that the Deployment itself sets, with their values."""
    service = container(project)
    for variable in service.entries("env"):
        yield variable.text("name"), str(variable.find("value") or "")
