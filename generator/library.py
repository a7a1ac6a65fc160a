"""The platform's library in a service: its version, and the checksums of its files or its package index."""

import functools
import hashlib
import re
from typing import Any

from .mounts import LIBRARY
from .package_index import INDEX
from .repository import ROOT

_VERSION = re.compile(r'^__version__ = "(?P<version>[^"]+)"$', re.MULTILINE)


@functools.cache
def manifest() -> str:
    """Every file with its checksum, in the format of `sha256sum --check`."""
    tree = ROOT / LIBRARY.tree
    sums = ((hashlib.sha256((tree / path).read_bytes()).hexdigest(), path) for path in sorted(LIBRARY.files()))
    return "".join(f"{checksum}  {path}\n" for checksum, path in sums)


@functools.cache
def version() -> str:
    """The version of the library, which is also the template's."""
    source = (ROOT / LIBRARY.tree / "src/firstlight/__init__.py").read_text(encoding="utf-8")
    (found,) = _VERSION.findall(source)
    return str(found)


def library() -> dict[str, Any]:
    """Version, checksum of the manifest and index. By the first two a service finds an edited or an old library."""
    return {"version": version(), "manifest": hashlib.sha256(manifest().encode()).hexdigest(), "index": INDEX}
