"""The texts of runbooks, which a service has in `ops/alerts/runbooks`."""

from functools import cache
from pathlib import Path

from .thresholds import THRESHOLDS

FOLDER = Path("ops/alerts/runbooks")
LONGEST_CHARACTERS = 65_536
_NAMES = {threshold.name: FOLDER / f"{threshold.name}.md" for threshold in THRESHOLDS}  # no other file is read


@cache
def runbook(name: str) -> str:
    """The runbook of an alert, as Markdown, from the folder in which the service was started; or where it is."""
    file = _NAMES[name]
    try:
        with file.open(encoding="utf-8") as text:
            return text.read(LONGEST_CHARACTERS)
    except (OSError, ValueError):
        return f"The runbook is `{file}` in the service's repository."
