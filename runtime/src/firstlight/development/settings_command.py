"""`python -m firstlight settings <package>`: prints the settings as under `make run`. `make settings` calls it."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArrangementError, SettingsError
from ..exit_status import BAD_USE
from ..settings_table import show
from .environment import DevelopmentEnvironment

if TYPE_CHECKING:
    from ..service import Service


def run(arguments: Sequence[str]) -> int:
    """Exit status 0, or 2 for a bad setting, a bad line in `.env` or bad use."""
    if len(arguments) != 1:
        sys.stderr.write("python -m firstlight settings needs the package of the service\n")
        return BAD_USE
    try:
        environment = DevelopmentEnvironment(Path.cwd())
        os.environ.update(environment.variables)
        service: Service = import_module(f"{arguments[0]}.service").SERVICE
        return show(service, environment.sources)
    except (SettingsError, ArrangementError) as error:
        sys.stderr.write(f"{error}\n")
        return BAD_USE
