"""The checkouts in a folder: which are services, and what they say about themselves. No code of a service runs."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from .git import GitError, git, succeeds

STATE = ".cruft.json"
ANSWERS = "src/*/service.toml"


class FolderError(Exception):
    """Why the folder has no checkouts, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A service. `template` and `commit` are from .cruft.json; `version` is empty where the service does not say."""

    path: Path
    template: str
    follows: str
    commit: str
    version: str
    supported_until: date | None
    team: str

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
        state = _mapping(_read(path / STATE))
        service = _mapping(_read(answers[0]))
        if not isinstance(state.get("template"), str) or not isinstance(state.get("commit"), str):
            return None
        table = _mapping(service.get("template"))
        until = table.get("supported_until")
        return cls(
            path=path,
            template=state["template"],
            follows=str(state.get("checkout") or "HEAD"),
            commit=state["commit"],
            version=str(table.get("version", "")),
            supported_until=until if isinstance(until, date) else None,
            team=str(service.get("team", "")),
        )

    def refusal(self) -> str:
        """Why this checkout is left alone, or nothing."""
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
    folder = Path(given).expanduser()
    if not given or not folder.is_dir():  # the empty text would mean the current directory
        told = f"{folder} is none" if given else "it is not given"
        msg = f"FOLDER must be a directory with checkouts, as in make fleet FOLDER=~/checkouts, and {told}."
        raise FolderError(msg)
    places = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {path.name: Checkout.at(path) for path in places}
    return [each for each in found.values() if each], [name for name, each in found.items() if each is None]


def _read(file: Path) -> object:
    """The content of a JSON or TOML file; nothing for what is neither, as in a service with conflicts."""
    try:
        text = file.read_text(encoding="utf-8")
        return json.loads(text) if file.name == STATE else tomllib.loads(text)
    except (OSError, ValueError):
        return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
