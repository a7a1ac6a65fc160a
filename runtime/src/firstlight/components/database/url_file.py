"""DATABASE_URL_FILE: the URL in a file, which may change while the service runs.

A platform that rotates passwords writes the new URL there. New connections use it at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from ...errors import SettingsError
from .addresses import AddressError
from .file_stamp import Stamp, stamp

log = structlog.get_logger()

AddressT = TypeVar("AddressT")
LARGEST_BYTES = 65_536  # more is no URL
_EMPTY, _PIPE = "is empty", "is no ordinary file"


class UrlFile(Generic[AddressT]):
    """A file with one URL. Only one thread uses it."""

    def __init__(self, file: Path, parse: Callable[[str], AddressT]) -> None:
        """Read the file. `parse` makes the address of a URL, and raises `ValueError` for a bad one.

        Raises `SettingsError` if there is no URL. Neither the error nor any event has a part of the file in it.
        """
        self._file = file
        self._parse = parse
        self._is_new = False
        try:
            self._stamp: Stamp | None = stamp(file)
            self._address: AddressT = self._read()
        except (OSError, ValueError) as error:
            msg = f"DATABASE_URL_FILE must name a readable file with one URL: '{file}' {_reason(error)}"
            raise SettingsError(msg) from None

    @property
    def address(self) -> AddressT:
        """The address of now. While the file is missing, empty or without a valid URL, it is the one of before."""
        try:
            found = stamp(self._file)
        except OSError as error:
            if self._stamp is not None:
                self._refused(error)
            self._stamp = None
        else:
            if found != self._stamp:
                self._stamp = found
                self._replace()
        return self._address

    def has_changed(self) -> bool:
        """Whether the address is another one than at the last call, or at the start."""
        _ = self.address
        is_new, self._is_new = self._is_new, False
        return is_new

    def _replace(self) -> None:
        try:
            address = self._read()
        except (OSError, ValueError) as error:
            self._refused(error)
            return
        if address != self._address:
            self._address, self._is_new = address, True

    def _read(self) -> AddressT:
        if self._file.exists() and not (self._file.is_file() or self._file.is_dir()):  # nobody may write to a pipe
            raise _SaidError(_PIPE)
        with self._file.open("rb") as opened:
            text = opened.read(LARGEST_BYTES).decode("utf-8-sig").strip()
        if not text:
            raise _SaidError(_EMPTY)
        return self._parse(text)

    def _refused(self, error: Exception) -> None:
        log.warning("database.address_refused", file=str(self._file), reason=_reason(error))


class _SaidError(ValueError):
    """What is wrong with the file. The text quotes no part of it."""


def _reason(error: Exception) -> str:
    """Without the text of a `ValueError`, which may quote the password."""
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})"
    if isinstance(error, AddressError):
        return f"has a URL that {error}"
    return str(error) if isinstance(error, _SaidError) else "has no valid URL"
