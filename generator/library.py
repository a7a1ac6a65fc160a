"""The platform's library as a service carries it: its version, and the checksums of its files."""

import functools
import hashlib
import re

from .mounts import MOUNTS
from .repository import ROOT

_LIBRARY = next(mount for mount in MOUNTS if mount.whole)
_VERSION = re.compile(r'^__version__ = "(?P<version>[^"]+)"$', re.MULTILINE)


@functools.cache
def manifest() -> str:
    """List every file with its checksum, as `sha256sum --check` reads it."""
    tree = ROOT / _LIBRARY.tree
    sums = ((hashlib.sha256((tree / path).read_bytes()).hexdigest(), path) for path in sorted(_LIBRARY.files()))
    return "".join(f"{checksum}  {path}\n" for checksum, path in sums)


def library() -> dict[str, str]:
    """Tell which library it is: a service notes it, and finds an edited or an old one by that."""
    source = (ROOT / _LIBRARY.tree / "src/firstlight/__init__.py").read_text(encoding="utf-8")
    (version,) = _VERSION.findall(source)
    return {"version": version, "manifest": hashlib.sha256(manifest().encode()).hexdigest()}
