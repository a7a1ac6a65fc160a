"""The record of the template's files in a service, and the places in shared files that a team fills.

The hook writes it after each generation, and `make doctor` compares. README.md of a service lists the same places.
"""

from collections.abc import Mapping
from typing import Any

from .checkout import checkout
from .repository import ROOT

FILE = ".template.json"
LINES = ROOT / "runtime/src/firstlight/doctor/lines.py"  # writes the patterns; the doctor reads them
FORMAT = 1

_END = ("$", "")
_BELOW = (r"\s*# Yours, from here on", "")
# By file: the line above a place and the line below it. Nothing is the edge of the file. Equal ones: in front of each.
PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    ".env.example": (_BELOW,),
    "Dockerfile": (("# Yours, below this line", "COPY --from=build"),),
    "README.md": (("", "## Run it"), _END),
    "deploy/kubernetes/base/network-policy.yaml": (_BELOW,),
    "deploy/kubernetes/commands/kustomization.yaml": (_BELOW,),
    "deploy/kubernetes/overlays/production/kustomization.yaml": (_BELOW, ("images:", "# Yours, from here on")),
    "deploy/kubernetes/overlays/staging/kustomization.yaml": (_BELOW, ("images:", "patches:")),
    "pyproject.toml": (
        (r'name = "', r"dependencies = \["),  # version, description, licence, oldest Python
        (r"    # Yours, from here on", r"\]"),
        (r'    "firstlight-runtime\[development\]"', r"\]"),
        (r"src = ", r"extend-exclude|\[tool\.ruff\.lint\]"),  # the syntax that is used
        (r"plugins = \[", r"warn_unreachable"),  # the same for mypy
        (r"# Yours: the lowest coverage", r"# An update does not"),
        (r"skip = \[", ""),
        (r"\[", r"\["),  # tables of the team's own
    ),
}


def record() -> dict[str, Any]:
    """What the hook needs to write the record. `commit` is empty where the template's is unknown."""
    return {
        "file": FILE,
        "lines": str(LINES),
        "places": {path: list(places) for path, places in PLACES.items()},
        "head": {"format": FORMAT, "commit": checkout().commit},
    }
