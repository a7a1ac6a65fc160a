"""TOML files of the service, which may have conflicts."""

import tomllib
from pathlib import Path
from typing import Any

from .failure import UpdateError


def read_toml(file: Path) -> dict[str, Any]:
    """The content of a file. Raises `UpdateError`."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{file} cannot be read: {error}. Repair it, commit, and run this again."
        raise UpdateError(msg) from None
