"""DATABASE_URL_FILE: the URL in a file, which may change while the service runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog

from ... import data_servers

log = structlog.get_logger()

AddressT = TypeVar("AddressT")


class UrlFile(data_servers.UrlFile[AddressT]):
    """A file with one URL. Only one thread uses it."""

    def __init__(self, file: Path, parse: Callable[[str], AddressT]) -> None:
        """Read the file. `parse` makes the address of a URL, and raises `ValueError` for a bad one.

        Raises `SettingsError` if there is no URL. Neither the error nor any event has a part of the file in it.
        """
        super().__init__(file, parse, "DATABASE_URL_FILE", _refused)


def _refused(file: Path, reason: str) -> None:
    log.warning("database.address_refused", file=str(file), reason=reason)
