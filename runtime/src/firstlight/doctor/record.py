"""`.template.json`: the files of the template as they were at the last generation or update."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any, Self

from ..checks import Finding, Project
from ..checks.finding import FindingError
from . import lines

FILE = ".template.json"
STATE = ".cruft.json"
FORMAT = 1
TAKE_OVER = "or add it to `skip` of [tool.cruft] in pyproject.toml to own it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The template's commit, the checksum of each of its files, and the pattern of each file that it shares."""

    commit: str
    files: Mapping[str, str]
    shared: Mapping[str, str]

    @classmethod
    def of(cls, project: Project) -> Self | None:
        """The record of a service, or `None` for a service from before there was one. Raises `FindingError`."""
        if not project.has(FILE):
            return None
        content = project.json(FILE)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise FindingError(FILE, "was written for another version of the library: run `make update`.")
        files, shared = content.get("files"), content.get("shared")
        if not isinstance(files, dict) or not isinstance(shared, dict):
            raise FindingError(FILE, "must have the tables files and shared: `git checkout` it, or run `make update`.")
        return cls(commit=str(content.get("commit", "")), files=files, shared=shared)

    def differences(self, project: Project) -> Iterator[tuple[Finding, bool]]:
        """What differs, and whether it is a pin that moved with its comment, as an update of dependencies moves it."""
        taken = _taken(project)
        for file, checksum in self.files.items():
            if not _within(file, taken):
                yield from ((found, False) for found in _edited(project, file, checksum))
        for file, pattern in self.shared.items():
            if not _within(file, taken):
                yield from _changed(project, file, pattern)


def _taken(project: Project) -> list[str]:
    """The places that the team owns, from [tool.cruft] in pyproject.toml."""
    tool: Any = project.pyproject.get("tool", {})
    skip = tool.get("cruft", {}).get("skip", []) if isinstance(tool, dict) else []
    return [str(place) for place in skip] if isinstance(skip, list) else []


def _within(file: str, places: list[str]) -> bool:
    return any(file == place or file.startswith(f"{place.rstrip('/')}/") or fnmatch(file, place) for place in places)


def _edited(project: Project, file: str, checksum: str) -> Iterator[Finding]:
    path = project.root / file
    if not path.is_file():
        yield Finding(file, f"is missing: restore it with `git checkout`, {TAKE_OVER}.")
    elif hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
        yield Finding(file, f"was edited, and is the template's: undo the edit, {TAKE_OVER}.")


def _changed(project: Project, file: str, pattern: str) -> Iterator[tuple[Finding, bool]]:
    if not (project.root / file).is_file():
        yield Finding(file, f"is missing: restore it with `git checkout`, {TAKE_OVER}."), False
        return
    for number, kind in lines.differences(project.text(file), pattern):
        if kind == "pin":
            yield Finding(file, f"line {number} has another version than the template: its pin moved."), True
        elif kind == "unexplained pin":
            yield Finding(file, f"the pin of line {number} moved and the version in its comment did not."), False
        else:
            where = f"line {number} was {kind}" if kind != "removed" else f"lines below line {number} were removed"
            sentence = f"{where}, outside the places that README.md gives the team: undo the edit, {TAKE_OVER}."
            yield Finding(file, sentence), False


def moved_commit(project: Project, record: Record) -> Iterator[Finding]:
    """`.cruft.json` must name the commit that the files come from: the next update starts there."""
    if not project.has(STATE):
        return
    state = project.json(STATE)
    commit = state.get("commit") if isinstance(state, dict) else None
    if record.commit and commit != record.commit:
        sentence = f"names the commit {str(commit)[:12]}, and the files are of {record.commit[:12]}: restore it."
        yield Finding(STATE, sentence)
