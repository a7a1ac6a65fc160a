"""The service under check."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..identity import ANSWERS, REQUIRED
from . import files
from .finding import FindingError


class ProjectError(ValueError):
    """The directory does not contain a service."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Project:
    """The directory of a service at one time, its names, and the content of pyproject.toml and service.toml."""

    root: Path
    package: str
    slug: str
    service: Mapping[str, Any]  # src/<package>/service.toml
    pyproject: Mapping[str, Any]

    @classmethod
    def at(cls, root: Path) -> Self:
        """Read the service in a directory. Raises `ProjectError`, or `FindingError` for a file that is not TOML."""
        answers = sorted(root.glob(f"src/*/{ANSWERS}"))
        if len(answers) != 1 or not (root / "pyproject.toml").is_file():
            msg = (
                f"{root} is not a service: there must be a pyproject.toml and one src/<package>/service.toml. "
                "Start the check in the root of a service, or name it with --root."
            )
            raise ProjectError(msg)
        file = answers[0].relative_to(root).as_posix()
        service = files.toml(root, file)
        if not isinstance(service.get("name"), str):
            raise FindingError(file, 'has no name: add name = "...", as in pyproject.toml.')
        for name in REQUIRED:
            if name not in service:
                raise FindingError(file, f"lacks {name}: take it from the template, which wrote this file.")
        pyproject = files.toml(root, "pyproject.toml")
        package = answers[0].parent.name
        return cls(root=root, package=package, slug=service["name"], service=service, pyproject=pyproject)

    @property
    def source(self) -> str:
        """The directory of the package, relative to the root."""
        return f"src/{self.package}"

    @property
    def answers_file(self) -> str:
        """The file that names the service, its components and its objectives."""
        return f"{self.source}/{ANSWERS}"

    @property
    def page_file(self) -> str:
        """The team's page."""
        return f"{self.source}/service.py"

    @property
    def settings_file(self) -> str:
        """The team's settings."""
        return f"{self.source}/settings.py"

    @property
    def contract_file(self) -> str:
        """The team's part of the contract."""
        return f"contract/{self.slug}.toml"

    @property
    def components(self) -> tuple[str, ...]:
        """The components that the service was generated with. Raises `FindingError`."""
        named = self.service.get("components", [])
        if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
            raise FindingError(self.answers_file, 'components must be a list of names, such as ["http_client"].')
        return tuple(named)

    @property
    def processes(self) -> Mapping[str, int]:
        """The management port of each kind of process. Raises `FindingError`."""
        ports = self.service.get("processes", {})
        if not isinstance(ports, dict) or not all(isinstance(port, int) for port in ports.values()):
            raise FindingError(self.answers_file, "[processes] must give each kind of process a port: web = 9464.")
        return ports

    def has(self, file: str) -> bool:
        """Whether the file or directory exists."""
        return (self.root / file).exists()

    def text(self, file: str) -> str:
        """The text of a file. Raises `FindingError`."""
        return files.text(self.root, file)

    def toml(self, file: str) -> dict[str, Any]:
        """The content of a TOML file. Raises `FindingError`."""
        return files.toml(self.root, file)

    def json(self, file: str) -> Any:
        """The content of a JSON file. Raises `FindingError`."""
        return files.loads(file, self.text(file))

    def glob(self, *patterns: str) -> list[str]:
        """Every file that matches one of the patterns, relative to the root."""
        found = {path for pattern in patterns for path in self.root.glob(pattern) if path.is_file()}
        return sorted(path.relative_to(self.root).as_posix() for path in found)
