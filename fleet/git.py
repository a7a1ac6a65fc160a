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
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        msg = f"git {arguments[0]} did not end within {SECONDS} s"
        raise GitError(msg) from None
    if done.returncode:
        raise GitError((done.stderr.strip().splitlines() or [f"git {arguments[0]} failed"])[-1])
    return done.stdout.strip()


def succeeds(*arguments: str, at: Path) -> bool:
    """Whether a command ends with status 0."""
    try:
        git(*arguments, at=at)
    except GitError:
        return False
    return True
