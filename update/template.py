"""The clone of the template, and services that it generates in two versions."""

import json
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .command import git, run
from .failure import UpdateError

GENERATE = """
import json, sys
from cookiecutter.main import cookiecutter
cookiecutter(sys.argv[1], no_input=True, output_dir=sys.argv[2], extra_context=json.loads(sys.argv[3]))
"""


@dataclass(frozen=True, kw_only=True)
class Template:
    """A worktree of the template at one commit. `folder` is the place of cookiecutter.json in it."""

    place: Path
    folder: str = ""

    @cached_property
    def commit(self) -> str:
        """The full commit."""
        return run("git", "-C", str(self.place), "rev-parse", "HEAD").strip()

    def at(self, commit: str, place: Path) -> "Template":
        """The same template at another commit. Raises `UpdateError`."""
        if not git("-C", str(self.place), "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"):
            msg = (
                f"The template has no commit {commit} any more, from which this service was generated; `cruft link` "
                "records another one."
            )
            raise UpdateError(msg)
        run("git", "-C", str(self.place), "worktree", "add", "--quiet", "--detach", str(place), commit)
        return Template(place=place, folder=self.folder)

    def read(self, path: str) -> str:
        """The text of a file; empty when there is none."""
        file = self.place / self.folder / path
        return file.read_text("utf-8") if file.exists() else ""

    def subjects(self, since: str) -> list[str]:
        """The subjects of the commits since another commit, newest first."""
        return git("-C", str(self.place), "log", "--no-merges", "--format=%s", f"{since}..{self.commit}").splitlines()

    def generate(self, answers: Mapping[str, str], output: Path) -> Path:
        """Generate the service. Returns its directory."""
        output.mkdir()
        directory = self.place / self.folder
        run(sys.executable, "-c", GENERATE, str(directory), str(output), json.dumps(dict(answers)))
        (service,) = output.iterdir()
        return service


def version(service: Path) -> str:
    """The template's version by which a service was generated; empty when it records none."""
    for file in service.glob("src/*/service.toml"):
        tables = tomllib.loads(file.read_text("utf-8"))
        for name in ("template", "runtime"):
            if number := tables.get(name, {}).get("version"):
                return str(number)
    return ""
