"""A checkout of an emitted service, and the image that its `make image` builds."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from delivery.containers import Containers
from template import Machine, Outcome

NAME = "acme-links"
FROM = re.compile(r"^FROM (\S+:\S+)", re.MULTILINE)  # what is not a stage of the same file


def path_without(machine: Machine, *commands: str) -> str:
    """A path that has all of this machine's commands but a few."""
    directory = machine.output()
    for folder in map(Path, reversed(os.environ["PATH"].split(os.pathsep))):
        for command in folder.glob("*"):
            (directory / command.name).unlink(missing_ok=True)
            (directory / command.name).symlink_to(command)
    for name in commands:
        (directory / name).unlink(missing_ok=True)
    return str(directory)


@dataclass(frozen=True)
class Image:
    """A checkout and a name, in one container engine. `make image` makes them an image."""

    containers: Containers
    machine: Machine
    checkout: Path
    name: str = NAME

    def make(self, *targets: str, **variables: str) -> Outcome:
        """Run make targets in the checkout, as a person or a pipeline with this engine does."""
        known = {**self.containers.variables, "IMAGE": self.name, "BUILD_OPTIONS": "--network host", **variables}
        environment = [f"{name}={value}" for name, value in known.items()]
        return self.machine.run(["env", *environment, "make", *targets], self.checkout)

    def made(self, *targets: str, **variables: str) -> Outcome:
        """Run make targets, which must succeed."""
        outcome = self.make(*targets, **variables)
        assert outcome.status == 0, f"{outcome.stdout[-8000:]}\n{outcome.stderr[-8000:]}"
        return outcome

    def build(self) -> None:
        """Make the base images, under their real names, and the image on them."""
        for base in self.bases:
            self.containers.stand_in(base)
        self.made("image")

    @property
    def bases(self) -> list[str]:
        """What the Dockerfile builds on, in its order."""
        return FROM.findall((self.checkout / "Dockerfile").read_text(encoding="utf-8"))

    @property
    def version(self) -> str:
        """The version of this checkout."""
        (version,) = re.findall(r'^version = "(.*)"', (self.checkout / "pyproject.toml").read_text(), re.MULTILINE)
        return str(version)

    @property
    def revision(self) -> str:
        """The commit of this checkout."""
        return self.machine.git("rev-parse", "HEAD", directory=self.checkout)

    @property
    def reference(self) -> str:
        """What the engine calls it."""
        return f"{self.name}:{self.version}"
