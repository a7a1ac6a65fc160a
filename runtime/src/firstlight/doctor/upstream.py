"""How far a service is behind its template. Asks the template's repository with git, for a limited time."""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checks import Project
from .record import STATE

COMMIT = re.compile("[0-9a-f]{40}")
SECONDS = 20.0  # for everything that is asked
RELEASE = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)  # in releases.toml, newest first
BATCH = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10", "LC_ALL": "C"}


class UnreachableError(Exception):
    """Why the template did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """`state` is `current`, `behind`, `unreachable`, `unknown` (there is no .cruft.json) or `not_asked`.

    `commits` and `newest` are known when the state is `behind` and the template's history was read. `reason` says why
    the template is unreachable or unknown.
    """

    state: str
    address: str = ""
    commit: str = ""
    commits: int | None = None
    newest: str = ""
    reason: str = ""


def ask(project: Project, *, offline: bool, seconds: float = SECONDS) -> Upstream:
    """Compare the commit in .cruft.json with the template. Raises `FindingError` for a file that is not JSON."""
    state: Any = project.json(STATE) if project.has(STATE) else None
    if not isinstance(state, dict) or not all(isinstance(state.get(key), str) for key in ("template", "commit")):
        return Upstream(state="unknown", reason=f"no {STATE} names a template and a commit; `cruft link` writes one")
    address, commit = str(state["template"]), str(state["commit"])
    if offline:
        return Upstream(state="not_asked", address=address, commit=commit)
    deadline = time.monotonic() + seconds
    try:
        newest = _newest(deadline, address, str(state.get("checkout") or "HEAD"))
    except UnreachableError as error:
        return Upstream(state="unreachable", address=address, commit=commit, reason=str(error))
    if newest == commit:
        return Upstream(state="current", address=address, commit=commit)
    return _distance(address, commit, newest, deadline)


def _newest(deadline: float, address: str, follows: str) -> str:
    """The commit that a branch, a tag or HEAD names, or that `follows` is. Raises `UnreachableError`.

    `--` because an option of git in .cruft.json could name a program. git also lists `feature/main` for `main`, and for
    an annotated tag first the tag, whose commit is in the line with `^{}`.
    """
    if COMMIT.fullmatch(follows):
        return follows
    lines = _git(deadline, "ls-remote", "--", address, follows, f"{follows}^{{}}").splitlines()
    found = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
    for name in (f"refs/tags/{follows}^{{}}", f"refs/tags/{follows}", f"refs/heads/{follows}", follows):
        if name in found:
            return found[name]
    msg = f"it has no {follows}"
    raise UnreachableError(msg)


def _distance(address: str, commit: str, newest: str, deadline: float) -> Upstream:
    """Count the commits, and read the newest version. Trees and files of the history are not fetched."""
    commits, version, reason = None, "", ""
    with tempfile.TemporaryDirectory() as directory:
        copy = str(Path(directory, "template.git"))
        try:
            _git(deadline, "clone", "--quiet", "--bare", "--filter=tree:0", "--", address, copy)
            commits = int(_git(deadline, "-C", copy, "rev-list", "--count", f"{commit}..{newest}"))
            found = RELEASE.search(_git(deadline, "-C", copy, "show", f"{newest}:releases.toml"))
            version = found[1] if found else ""
        except UnreachableError as error:
            reason = str(error)
    return Upstream(state="behind", address=address, commit=commit, commits=commits, newest=version, reason=reason)


def _git(deadline: float, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the address is in the service's own file
            ["git", *arguments],  # noqa: S607 - the team's git
            env={**{name: value for name, value in os.environ.items() if name != "GIT_DIR"}, **BATCH},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=max(deadline - time.monotonic(), 0.1),
        )
    except FileNotFoundError:
        msg = "git was not found"
        raise UnreachableError(msg) from None
    except subprocess.TimeoutExpired:
        msg = "it did not answer in time"
        raise UnreachableError(msg) from None
    if done.returncode:
        raise UnreachableError((done.stderr.strip().splitlines() or [f"git ended with status {done.returncode}"])[0])
    return done.stdout.strip()
