"""Commands that the update runs in the service's directory."""

import os
import subprocess
from collections.abc import Mapping
from typing import Final

from .failure import UpdateError

NOTHING: Final[Mapping[str, str]] = {}


def run(*command: str, environment: Mapping[str, str] = NOTHING) -> str:
    """Run a command. Returns its output. Raises `UpdateError` with the last line of its complaint."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        msg = f"{' '.join(command[:2])} failed: {reason}"
        raise UpdateError(msg)
    return done.stdout


def git(*arguments: str) -> str:
    """Run git, whose status does not matter, as that of `git diff --check`. Returns its output."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
