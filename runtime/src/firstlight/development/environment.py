"""The environment in development: the real environment takes precedence over `.env`, and that over our defaults."""

import os
from collections.abc import Mapping
from pathlib import Path

from ..settings.console_token import LOOPBACK
from . import dotenv

OURS = {"DRAIN_SECONDS": "0"}  # there is no load balancer to wait for, and each reload would wait
CONSOLE = {"CONSOLE": "true"}  # where the management address is loopback; it is refused elsewhere
SOURCE = "make run"  # printed as the source of OURS


class DevelopmentEnvironment:
    """The variables, and the source of each."""

    def __init__(self, directory: Path, real: Mapping[str, str] = os.environ) -> None:
        """Read `.env` in a directory. Raises `SettingsError` for a bad line."""
        self.real = dict(real)
        self.file = dotenv.read(directory / dotenv.FILE)
        taken = {name.upper() for name in self.real}  # the names of settings are not case-sensitive
        self.from_file = {name: value for name, value in self.file.items() if name.upper() not in taken}
        taken |= {name.upper() for name in self.from_file}
        given = {name.upper(): value.strip() for name, value in {**self.from_file, **self.real}.items()}
        host = given.get("MANAGEMENT_HOST") or given.get("HOST") or LOOPBACK[0]
        ours = OURS | CONSOLE if host in LOOPBACK else OURS
        self.ours = {name: value for name, value in ours.items() if name not in taken}

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the service."""
        return {**self.ours, **self.from_file, **self.real}

    @property
    def sources(self) -> Mapping[str, str]:
        """The source of each variable that is not from the real environment, by its name in upper case."""
        sources = dict.fromkeys(self.ours, SOURCE) | dict.fromkeys(self.from_file, dotenv.FILE)
        return {name.upper(): source for name, source in sources.items()}
