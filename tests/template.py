"""The template under test: a copy in a git repository of its own, driven through the real commands."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVICE_DIRECTORY = "{{cookiecutter.project_slug}}"
NOT_PART_OF_THE_TEMPLATE = shutil.ignore_patterns(
    ".git", "organisation.toml", ".venv", ".tools", "build", "dist", "uv.lock", "__pycache__", ".*_cache", ".coverage*"
)
TIMEOUT_SECONDS = 120  # for anything that a test waits for: long, because only a failure takes it
EVERYTHING = {"components": "all", "deploy": "all"}


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    status: int
    stdout: str
    stderr: str
    directory: Path

    @property
    def service(self) -> Path:
        """The one service it generated."""
        assert self.status == 0, f"{self.stdout}\n{self.stderr}"
        (service,) = self.directory.iterdir()
        return service


class Machine:
    """A home, a git identity and a place for output that no other test and no developer shares."""

    def __init__(self, directory: Path) -> None:
        """Prepare the home."""
        self.directory = directory
        self.home = directory / "home"
        self.home.mkdir(parents=True)
        self._outputs = 0

    def environment(self) -> dict[str, str]:
        """Return the current environment without what would leak into a generation."""
        foreign = ("COOKIECUTTER_", "COVERAGE_", "GIT_", "MAKE", "MFLAGS", "PYTEST_", "UV_PROJECT", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        identity = {
            f"GIT_{role}_{key}": "t@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
        }
        # The system's git configuration stays: it may know how to reach or trust a repository.
        own = {"HOME": str(self.home), "COLUMNS": "200", "GIT_CONFIG_GLOBAL": os.devnull}
        caches = {
            "UV_CACHE_DIR": str(Path.home() / ".cache/uv"),
            "PRE_COMMIT_HOME": str(Path.home() / ".cache/pre-commit"),
        }
        return caches | kept | identity | own

    def output(self) -> Path:
        """Make an empty directory to generate into."""
        self._outputs += 1
        output = self.directory / f"output-{self._outputs}"
        output.mkdir()
        return output

    def run(self, command: Sequence[str], directory: Path, typed: str = "") -> Outcome:
        """Run a command to its end."""
        done = subprocess.run(
            command,
            cwd=directory,
            env=self.environment(),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return Outcome(done.returncode, done.stdout, done.stderr, directory)

    def cookiecutter(
        self,
        template: str | Path,
        answers: Mapping[str, str] | None = None,
        *options: str,
        directory: Path | None = None,
    ) -> Outcome:
        """Generate with cookiecutter's own command."""
        given = [f"{question}={answer}" for question, answer in (answers or {}).items()]
        command = [sys.executable, "-m", "cookiecutter", "--no-input", *options, str(template), *given]
        return self.run(command, directory or self.output())

    def cruft(self, *arguments: str, directory: Path) -> Outcome:
        """Run cruft's own command."""
        return self.run([sys.executable, "-m", "cruft", *arguments], directory)

    def git(self, *arguments: str, directory: Path) -> str:
        """Run git, which must succeed."""
        done = self.run(["git", *arguments], directory)
        assert done.status == 0, done.stderr
        return done.stdout.strip()

    def commit(self, directory: Path, message: str = "A version") -> str:
        """Commit everything in a directory, as a new repository if need be."""
        if not (directory / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main", directory=directory)
        self.git("add", "--all", directory=directory)
        self.git("commit", "--quiet", "--message", message, directory=directory)
        return self.git("rev-parse", "HEAD", directory=directory)

    def template(self, name: str = "firstlight") -> Path:
        """Copy this repository's working tree into a git repository that tests may change."""
        copy = self.directory / name
        shutil.copytree(ROOT, copy, ignore=NOT_PART_OF_THE_TEMPLATE)
        self.commit(copy)
        return copy


def files(directory: Path) -> dict[str, bytes]:
    """Read every file below a directory, git's own left out."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(directory).parts
    }


def replace(path: Path, old: str, new: str) -> None:
    """Edit a file; the old text must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} does not hold {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")
