"""Git, without questions to a terminal."""

import os
import subprocess
from pathlib import Path

SECONDS = 120
BATCH = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10"}


class GitError(Exception):
    """What git said, in one line."""


def git(*arguments: str, at: Path) -> str:
    """The output of a command. Raises `GitError`."""
    environment = {name: value for name, value in os.environ.items() if name not in {"GIT_DIR", "GIT_WORK_TREE"}}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=at,
            env={**environment, **BATCH},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=SECONDS,
        )
    except OSError as error:
        msg = f"git could not be started: {error}"
        raise GitError(msg) from None
    except subprocess.TimeoutExpired:
        msg = f"git {arguments[0]} did not end within {SECONDS} s"
        raise GitError(msg) from None
    if done.returncode:
        raise GitError(_reason(done.stderr) or f"git {arguments[0]} failed")
    return done.stdout.strip()


def _reason(complaint: str) -> str:
    """The line that says why. Hints follow it; what ssh says stands before the line of a remote that cannot be read."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip() and not line.startswith("hint:")]
    told = [line for line in lines if line.startswith(("fatal: ", "error: ", "! ["))]
    if told and not told[0].startswith("fatal: Could not read from remote repository"):
        return told[0]
    return next(iter(lines), "")


def succeeds(*arguments: str, at: Path) -> bool:
    """Whether a command ends with status 0."""
    try:
        git(*arguments, at=at)
    except GitError:
        return False
    return True
