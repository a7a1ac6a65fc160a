"""`python -m firstlight develop <package> [process or command]`: what `make run` calls."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ..exit_status import BAD_USE
from .supervisor import Supervisor


def run(arguments: Sequence[str]) -> int:
    """Supervise `python -m <package>` in the current directory. Exit status: see `Supervisor.run`, 2 for bad use."""
    if not arguments:
        sys.stderr.write("python -m firstlight develop needs the package of the service\n")
        return BAD_USE
    try:
        return Supervisor(["-m", *arguments], Path.cwd()).run()
    except ImportError as error:
        sys.stderr.write(f"{error}: add firstlight-runtime[development] to the dependency group dev\n")
        return BAD_USE
