"""Whether uv.lock is there, committed, and what pyproject.toml asks for. Nothing is downloaded."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..checks import Finding, Project

LOCK = "uv.lock"
OUT_OF_DATE = "needs to be updated"  # as uv says it
SECONDS = 60.0
COMMIT = "run `uv lock`, then commit it"


def findings(project: Project) -> Iterator[Finding]:
    """A lock file that is missing, not committed or out of date."""
    if not project.has(LOCK):
        yield Finding(LOCK, f"does not exist, so each machine installs other versions: {COMMIT}.")
        return
    in_git = _run(project.root, "git", "rev-parse", "--is-inside-work-tree")[0] == 0
    if in_git and _run(project.root, "git", "ls-files", "--error-unmatch", LOCK)[0] != 0:
        yield Finding(LOCK, "is not committed: `git add` it, so that each machine installs the same versions.")
    status, said = _check(project.root)
    if status and OUT_OF_DATE in said:
        yield Finding(LOCK, f"does not fit pyproject.toml: {COMMIT}.")


def notes(project: Project) -> Iterator[Finding]:
    """That it could not be compared: uv is missing, or needs the package index for the answer."""
    if project.has(LOCK):
        status, said = _check(project.root)
        if status and OUT_OF_DATE not in said:
            last = (said.strip().splitlines() or [f"uv ended with status {status}"])[-1].strip().rstrip(".")
            yield Finding(LOCK, f"was not compared with pyproject.toml, because uv could not say: {last}.")


def _check(root: Path) -> tuple[int, str]:
    return _run(root, os.environ.get("UV") or "uv", "lock", "--check", "--offline")


def _run(root: Path, *command: str) -> tuple[int, str]:
    """The status and what was written to stderr. -1 when the program is missing or took too long."""
    try:
        done = subprocess.run(  # noqa: S603 - git and uv
            command, cwd=root, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return -1, f"{command[0]} was not found"
    except subprocess.TimeoutExpired:
        return -1, f"{command[0]} took longer than {SECONDS:g} s"
    return done.returncode, done.stderr
