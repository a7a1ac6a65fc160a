"""The template with two made-up components, by the contract that every component has, and services of it."""

import shutil
import sys
from pathlib import Path

from template import ROOT, Machine

MADE_UP = ROOT / "tests/made_up"


class MadeUp:
    """A copy of the template, with both components added the way a platform team would."""

    def __init__(self, machine: Machine) -> None:
        """Add them."""
        self.machine = machine
        self.template = machine.template("made-up")
        self._services: dict[str, Path] = {}
        for component in MADE_UP.iterdir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(component, self.template, dirs_exist_ok=True, ignore=ignored)
        rendered = machine.run([sys.executable, "grafana/render.py"], self.template)
        assert rendered.status == 0, rendered.stderr
        machine.commit(self.template)

    def service(self, components: str) -> Path:
        """A service with these components and all deploy targets, generated once. Tests only read it."""
        if components not in self._services:
            answers = {"components": components, "deploy": "all"}
            self._services[components] = self.machine.cookiecutter(self.template, answers).service
        return self._services[components]

    def copy(self, components: str, directory: Path) -> Path:
        """The same, to be changed."""
        return Path(shutil.copytree(self.service(components), directory / "acme-links"))
