"""Tells whether a file was replaced, also where only a link to it was: Kubernetes replaces a folder of secrets so."""

from pathlib import Path
from typing import NamedTuple


class Stamp(NamedTuple):
    """What differs after a file was written again or replaced."""

    device: int
    inode: int
    modified_ns: int
    size: int


def stamp(file: Path) -> Stamp:
    """The stamp of a file. Links are followed. Raises `OSError`."""
    found = file.stat()
    return Stamp(found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
