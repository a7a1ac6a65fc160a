"""`python -m firstlight once <package> <command>`: runs a command of the service with the variables of `make run`.

It is not restarted when a file changes: a command may write files that `make run` watches.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

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
    _become([sys.executable, "-m", *arguments], variables)


def _become(command: Sequence[str], variables: Mapping[str, str]) -> NoReturn:
    os.execve(command[0], command, variables)  # noqa: S606 - no shell
