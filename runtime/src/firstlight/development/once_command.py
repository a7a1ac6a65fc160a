"""`python -m firstlight once <package> <command>`: runs a command of the service with the variables of `make run`.

It is not restarted when a file changes: a command may write files that `make run` watches.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import SettingsError
from ..exit_status import BAD_USE
from .environment import DevelopmentEnvironment


def run(arguments: Sequence[str]) -> int:
    """Become the command. Returns 2 for a bad line in `.env` or bad use."""
    if len(arguments) < 2:  # noqa: PLR2004 - both are named in the sentence
        sys.stderr.write("python -m firstlight once needs the package of the service and a command\n")
        return BAD_USE
    try:
        variables = DevelopmentEnvironment(Path.cwd()).variables
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_USE
    return os.execve(sys.executable, [sys.executable, "-m", *arguments], variables)  # noqa: S606 - no shell
