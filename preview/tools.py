"""The programs that the preview needs, and how to install them."""

import shutil
from collections.abc import Mapping

from .errors import UnfitError

# Program: its possible names, and how to install it.
NEEDED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "prometheus": (("prometheus",), "apt-get install prometheus"),
    "npm": (("npm",), "apt-get install npm, or Node.js 18 or newer"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "apt-get install chromium"),
}


def find() -> Mapping[str, str]:
    """Find the path of every program. Raises `UnfitError` that names the missing ones."""
    paths = {tool: find_one(tool) for tool in NEEDED}
    missing = [f"{tool} ({NEEDED[tool][1]})" for tool, path in paths.items() if not path]
    if missing:
        msg = f"The preview needs {', '.join(missing)}."
        raise UnfitError(msg)
    return paths


def find_one(tool: str) -> str:
    """Find the path of one program, empty if it is missing."""
    return next((path for name in NEEDED[tool][0] if (path := shutil.which(name))), "")
