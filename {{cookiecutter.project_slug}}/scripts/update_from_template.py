"""Update this service from its template: `make update`. Fails when there are conflicts.

This script clones the template and runs its folder `update/`, of the version that the service moves to: a service of
any age is updated by the newest code. TEMPLATE_TOKEN is for the clone of a private template; that code does not get it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import git_login

STATE = Path(".cruft.json")
TOKEN = "TEMPLATE_TOKEN"  # noqa: S105 - its name
TOKENS = {TOKEN, "TEMPLATE_UPDATE_TOKEN"}
RUN = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
runpy.run_module("update", run_name="__main__")
"""
# git@github.com:acme/firstlight.git, and the same with ssh://, a user or a port
SSH = re.compile(r"(?:ssh://(?:[^/@]+@)?(?P<host>[^/:]+)(?::\d+)?/|[^/@]+@(?P<short>[^/:]+):)(?P<path>.+)")


class UpdateError(Exception):
    """Why the update failed, in one sentence."""


def main() -> int:
    """Update. Returns the exit status. Raises `UpdateError`."""
    if not STATE.exists():
        msg = "There is no .cruft.json, which names the template of this service; `cruft link` writes one."
        raise UpdateError(msg)
    status = git("status", "--porcelain")
    if status.returncode != 0:
        msg = "This folder is in no git repository, which the update needs: git init && git add . && git commit."
        raise UpdateError(msg)
    if changed := [line[3:] for line in status.stdout.splitlines()]:
        some = ", ".join(changed[:3]) + (", ..." if len(changed) > 3 else "")  # noqa: PLR2004 - as many as in the line above
        msg = (
            f"There are uncommitted changes; commit or stash them first, so that git can tell the update apart: {some}"
        )
        raise UpdateError(msg)
    state = read_state()
    with tempfile.TemporaryDirectory() as directory:
        template = Path(directory).resolve() / "template"
        clone(state["template"], template)
        reference = state.get("checkout")
        if reference and git("-C", str(template), "checkout", "--quiet", reference).returncode != 0:
            msg = (
                f"The template has no {reference}, which `checkout` of .cruft.json names; correct it, or make it null."
            )
            raise UpdateError(msg)
        environment = {name: value for name, value in os.environ.items() if name not in TOKENS}
        return subprocess.run([sys.executable, "-P", "-c", RUN, str(template)], env=environment, check=False).returncode


def read_state() -> dict[str, Any]:
    """The address of the template, and what the service follows. Raises `UpdateError`."""
    try:
        state = json.loads(STATE.read_text("utf-8"))
        texts = [state["template"], state.get("checkout") or ""]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        texts = [error]
    if not all(isinstance(text, str) for text in texts):
        msg = f"{STATE} must be a JSON object that names the template, as cruft writes it; restore it from git."
        raise UpdateError(msg)
    return dict(state)


def clone(address: str, place: Path) -> None:
    """Clone the template. Raises `UpdateError`."""
    reasons = []
    for each in addresses(address):
        done = git(*git_login.options(each, TOKEN), "clone", "--quiet", "--", each, str(place))
        if done.returncode == 0:
            git("-C", str(place), "remote", "set-url", "origin", address)
            return
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit status {done.returncode}"]
        fatal = [line.partition(": ")[2] for line in lines if line.startswith("fatal: ")]
        reasons.append(next(iter(fatal), lines[-1]).strip().rstrip("."))
    told = "is refused or may not read it" if os.environ.get(TOKEN) else "is not set"
    msg = (
        f"The template {address} could not be cloned: {'; by HTTPS: '.join(reasons)}. A private template needs "
        f"{TOKEN}, a token that may read it, which {told}."
    )
    raise UpdateError(without_secrets(msg))


def addresses(address: str) -> Iterator[str]:
    """Where to clone from: an SSH address also by HTTPS, because a runner has no key. With a token only by HTTPS."""
    match = SSH.fullmatch(address)
    if not (match and os.environ.get(TOKEN)):
        yield address
    if match:
        yield f"https://{match['host'] or match['short']}/{match['path'].lstrip('/')}"


def without_secrets(text: str) -> str:
    """The text without the token, and without logins in addresses."""
    token = os.environ.get(TOKEN)
    return re.sub(r"(?<=//)[^/@\s]+@", "", text.replace(token, "...") if token else text)


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git. Without a terminal it fails where it would ask."""
    environment = {**os.environ, "LC_ALL": "C"}
    if not sys.stdin.isatty():
        environment = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10", **environment}
        environment["GIT_TERMINAL_PROMPT"] = "0"
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, env=environment, check=False)
    except FileNotFoundError:
        msg = "git was not found, and the update needs it: install it, or add its folder to PATH."
        raise UpdateError(msg) from None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UpdateError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
