"""The checkouts in a folder: which are services, and what they say about themselves. No code of a service runs."""

import contextlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

from .git import GitError, git, succeeds

STATE = ".cruft.json"
ANSWERS = "src/*/service.toml"


class FolderError(Exception):
    """Why the folder has no checkouts, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A service. `template` and `commit` are from .cruft.json; `version` is empty where the service does not say.

    `fault` says which of its two files cannot be read, and why. The names that this file has are then empty.
    """

    path: Path
    template: str
    follows: str
    commit: str
    version: str
    supported_until: date | None
    team: str
    fault: str = ""

    @property
    def name(self) -> str:
        """The name of the folder, which is unique in the fleet."""
        return self.path.name

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """The service in a folder, or `None` when it is not the root of a git repository with a service."""
        answers = sorted(path.glob(ANSWERS))
        if len(answers) != 1 or not (path / STATE).is_file() or not (path / ".git").exists():
            return None
        state, no_state = _read(path / STATE)
        service, no_service = _read(answers[0])
        template, commit, table = state.get("template"), state.get("commit"), service.get("template")
        if not no_state and not (isinstance(template, str) and isinstance(commit, str)):
            no_state = f"{STATE} names no template and commit; `cruft link` writes one"
        until = table.get("supported_until") if isinstance(table, dict) else None
        return cls(
            path=path,
            template=str(template or ""),
            follows=str(state.get("checkout") or "HEAD"),
            commit=str(commit or ""),
            version=str(table.get("version", "")) if isinstance(table, dict) else "",
            supported_until=until if isinstance(until, date) and not isinstance(until, datetime) else None,
            team=str(service.get("team", "")),
            fault=no_state or no_service,
        )

    def refusal(self) -> str:
        """Why this checkout is left alone, or nothing."""
        if self.fault:
            return f"cannot be read: {self.fault}"
        try:
            if git("status", "--porcelain", at=self.path):
                return "has uncommitted changes"
            branch = git("branch", "--show-current", at=self.path)
        except GitError as error:
            return f"git cannot read it: {error}"
        main = self._main_branch()
        return "" if branch == main else f"is on {branch or 'no branch'}, and updates start from {main}"

    def _main_branch(self) -> str:
        """The branch that origin calls its default, else main or master."""
        try:
            return git("symbolic-ref", "--short", "refs/remotes/origin/HEAD", at=self.path).partition("/")[2]
        except GitError:
            has_main = succeeds("rev-parse", "--verify", "--quiet", "refs/heads/main", at=self.path)
            return "main" if has_main else "master"


def find(given: str) -> tuple[list[Checkout], list[str]]:
    """The services in a folder by name, and the names of the other folders. Raises `FolderError`."""
    folder = _folder(given)
    try:
        places = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        found = {path.name: Checkout.at(path) for path in places}
    except OSError as error:
        msg = f"{error.filename} cannot be read: {error.strerror}."
        raise FolderError(msg) from None
    services = [each for each in found.values() if each]
    if not services:
        msg = (
            f"{folder} holds no service: FOLDER must be the folder that holds the checkouts, and a checkout has .git, "
            f"{STATE} and one {ANSWERS}."
        )
        raise FolderError(msg)
    return services, [name for name, each in found.items() if each is None]


def _folder(given: str) -> Path:
    """The folder, with the home directory for `~`. Raises `FolderError`."""
    folder = Path(given)
    with contextlib.suppress(RuntimeError):  # nobody has this name
        folder = folder.expanduser()
    if not given or not folder.is_dir():  # the empty text would mean the current directory
        told = f"{folder} is none" if given else "it is not given"
        msg = f"FOLDER must be a directory with checkouts, as in make fleet FOLDER=~/checkouts, and {told}."
        raise FolderError(msg)
    return folder


def _read(file: Path) -> tuple[Mapping[str, Any], str]:
    """The content of a JSON or TOML file, or why it cannot be read, as in a service with conflicts."""
    form = "JSON" if file.name == STATE else "TOML"
    try:
        text = file.read_text(encoding="utf-8")
        content = json.loads(text) if form == "JSON" else tomllib.loads(text)
    except OSError as error:
        return {}, f"{file.name}: {error.strerror}"
    except ValueError as error:
        return {}, f"{file.name} is not {form}: {error}"
    return (content, "") if isinstance(content, dict) else ({}, f"{file.name} must hold an object")
