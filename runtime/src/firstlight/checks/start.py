"""Reads the settings of the service in given environments.

This module is also a program that `read` starts in another process, because settings are read from the environment of
a process and need an import of the team's code. Its standard input and output are JSON.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from .project import Project

TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Start:
    """`values` are the settings of the service and of each component. Values without a JSON type are texts."""

    error: str
    values: Mapping[str, Mapping[str, Any]]

    def seconds(self, name: str) -> float:
        """A setting that is a number of seconds."""
        return float(self.values["service"][name])

    def number(self, name: str) -> int:
        """A setting that is a whole number."""
        return int(self.values["service"][name])


@dataclass(frozen=True, slots=True)
class Page:
    """`refusal` says why the parts of the page do not fit together; without one, `openapi` is its document."""

    refusal: str
    openapi: Any


def read(project: Project, environments: Sequence[Mapping[str, str]]) -> list[Start]:
    """The settings in each environment. `error` is the sentence with which the service would refuse to start."""
    request = {
        "package": project.package,
        "components": project.components,
        "defaults": {f"slo_{name}": value for name, value in project.service.get("slo", {}).items()},
        "environments": [dict(environment) for environment in environments],
    }
    path = os.pathsep.join(filter(None, [str(project.root / "src"), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(  # noqa: S603 - this module
        [sys.executable, "-m", __name__],
        input=json.dumps(request),
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without output"])[-1]
        return [Start(last, {}) for _ in environments]
    return [Start(**answer) for answer in json.loads(done.stdout)]


@lru_cache(maxsize=1)  # several checks read it, and an import takes a second
def page(project: Project) -> Page:
    """The team's page, imported in another process."""
    code = (
        "from importlib import import_module; from firstlight import arrangement, openapi; "
        f"service = import_module('{project.package}.service').SERVICE; "
        "arrangement.verify(service); print('', openapi.encoded(openapi.committed(service)).decode(), sep='\\n')"
    )
    done = program(project, ["-c", code])
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without output"])[-1]
        return Page(last.removeprefix("firstlight.errors.ArrangementError: "), None)
    found = [line for line in done.stdout.split("\n") if line.startswith('{"openapi"')]  # the page may print as well
    return Page("", json.loads(found[-1]))


def program(project: Project, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run Python with the team's code on its path."""
    path = os.pathsep.join(filter(None, [str(project.root / "src"), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(  # noqa: S603 - the team's page
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


def main() -> None:
    """Read the environments from standard input, and write the settings to standard output."""
    request = json.loads(sys.stdin.read())
    kinds = _kinds(request["package"], request["components"])
    answers = [_answer(kinds, environment, request["defaults"]) for environment in request["environments"]]
    sys.stdout.write(json.dumps(answers, default=str))


def _kinds(package: str, components: Sequence[str]) -> dict[str, Any]:
    """The settings class of the service, and of each component that the runtime has."""
    kinds = {"service": import_module(f"{package}.settings").Settings}
    for name in components:
        kinds[name] = getattr(import_module(f"firstlight.components.{name}"), name.upper()).settings
    return kinds


def _answer(kinds: Mapping[str, Any], environment: Mapping[str, str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    settings, errors = import_module("firstlight.settings"), import_module("firstlight.errors")
    os.environ.clear()
    os.environ.update(environment)
    try:
        values = {name: settings.load(kind, defaults if name == "service" else None) for name, kind in kinds.items()}
    except errors.SettingsError as error:
        return {"error": str(error), "values": {}}
    return {"error": "", "values": {name: value.model_dump(mode="json") for name, value in values.items()}}


if __name__ == "__main__":
    main()
