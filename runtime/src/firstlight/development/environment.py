"""The environment of the service in development: the real one, below it `.env`, below that what suits development."""

import os
from collections.abc import Mapping
from pathlib import Path

from . import dotenv

OURS = {"DRAIN_SECONDS": "0"}  # nobody balances load here, and each reload would wait
SOURCE = "make run"  # of OURS, where a person asks


class DevelopmentEnvironment:
    """The variables, and where each comes from."""

    def __init__(self, directory: Path, real: Mapping[str, str] = os.environ) -> None:
        """Read `.env` of a directory. Raises `SettingsError` for a bad line."""
        self.real = dict(real)
        self.file = dotenv.read(directory / dotenv.FILE)
        taken = {name.upper() for name in self.real}  # settings are read in any case of letters
        self.from_file = {name: value for name, value in self.file.items() if name.upper() not in taken}
        taken |= {name.upper() for name in self.from_file}
        self.ours = {name: value for name, value in OURS.items() if name not in taken}

    @property
    def variables(self) -> dict[str, str]:
        """What the service gets."""
        return {**self.ours, **self.from_file, **self.real}

    @property
    def sources(self) -> Mapping[str, str]:
        """Where a variable comes from that is not in the real environment, by its name in upper case."""
        sources = dict.fromkeys(self.ours, SOURCE) | dict.fromkeys(self.from_file, dotenv.FILE)
        return {name.upper(): source for name, source in sources.items()}
