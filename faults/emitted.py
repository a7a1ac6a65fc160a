"""The service under test: generated with every component, installed as its image would, with routes that fail."""

import os
import shutil
from pathlib import Path

from bench.environments import generate, uv
from bench.processes import ROOT

from .errors import UnfitError

BUILD = ROOT / "build" / "faults"
PACKAGE = "acme_links"
ADDITIONS = {
    "additions.py": ROOT / "faults" / "additions.py",
    "faults.py": ROOT / "runtime" / "tests" / "faults.py",
    "hostile.py": ROOT / "faults" / "hostile.py",
}
PAGE_EDITS = {
    "from .settings import Settings": "from .additions import ADDED, BACKGROUND\nfrom .settings import Settings",
    "        *links.OPERATIONS,\n": "        *links.OPERATIONS,\n        *ADDED,\n",
    "background=[]": "background=BACKGROUND",
}


def emit() -> Path:
    """Generate the service afresh and install it. Returns its directory; `SERVICE` in the environment names another."""
    if given := os.environ.get("SERVICE"):
        return Path(given).resolve()
    directory = generate(BUILD, components="http_client")  # a database would have to be migrated
    _add(directory)
    uv("sync", "--no-dev", "--project", str(directory))
    return directory


def _add(directory: Path) -> None:
    """What a team would do: modules of its own, and lines on its page."""
    package = directory / "src" / PACKAGE
    for name, source in ADDITIONS.items():
        shutil.copyfile(source, package / name)
    page = package / "service.py"
    text = page.read_text("utf-8")
    for old, new in PAGE_EDITS.items():
        if old not in text:
            msg = f"the page of the generated service does not hold {old!r}: `PAGE_EDITS` has to follow it."
            raise UnfitError(msg)
        text = text.replace(old, new)
    page.write_text(text, "utf-8")
