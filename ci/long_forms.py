"""Run the long forms of the tests, and write when each passed: `python -m ci.long_forms [NAME ...]`.

CI runs every test without the mark `long` on one Python, some with fewer repetitions, and a part on the others. The
long forms take hours.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench.machine import describe

from .taken_names import ROOT

PAGE = ROOT / "docs" / "long-forms.md"
WRONG_USE, INTERRUPTED = 2, 130
SUMMARY = re.compile(r"^=*\s*((?:\d+ \w+, )*\d+ (?:passed|failed)\b[^=]*?)(?: in [\d.]+s.*)?=*$")
NOT_RUN = "not run yet"
TITLE = """# Long forms

`make prove-all` runs these. It takes hours, so CI runs the short forms: fewer kills, the oldest Python whole but
without coverage, of the newest what depends on Python most, of those between what starts processes, and no test with
the mark `long`. `make prove-all FORMS="faults outages"` runs some of them. A row says when its form ran last, on which
machine, and how it ended.

| Form | Command | When | Machine | Minutes | Result |
|---|---|---|---|---|---|
"""


class Form(NamedTuple):
    """A command of the repository, and variables of its environment."""

    command: str
    variables: Mapping[str, str] = {}

    @property
    def shown(self) -> str:
        """As it is typed."""
        return " ".join([*(f"{name}={value}" for name, value in self.variables.items()), self.command])


OUTAGES = "tests/components/database/test_kills.py tests/components/cache/stores/test_write_behind_kills.py"
LONG = {"LONG": "1"}
FORMS: Mapping[str, Form] = {
    "python-3.11": Form(".ci/runtime", {"PYTHONS": "3.11", "COVERAGE": "1"}),
    "python-3.12": Form(".ci/runtime", {"PYTHONS": "3.12"}),
    "python-3.13": Form(".ci/runtime", {"PYTHONS": "3.13"}),
    "outages": Form(f".ci/runtime {OUTAGES}", {**LONG, "PYTHONS": "3.11"}),
    "resolutions": Form(".ci/runtime tests/components/test_resolutions.py", {**LONG, "PYTHONS": "3.11"}),
    "combinations": Form("uv run python -m pytest tests/test_combinations.py", LONG),
    "services": Form("uv run python -m pytest -n 3 -m long"),
    "faults": Form("make fault-test LONG=1"),
    "protections": Form("make fault-test REVERT=1"),
}


class Row(NamedTuple):
    """How a form ended."""

    when: str
    machine: str
    minutes: str
    result: str


def main(names: Iterable[str], forms: Mapping[str, Form] = FORMS, page: Path = PAGE) -> int:
    """Run these forms, or all. Writes a row after each. Exit status 0 if all passed, 1 if one failed, 2 for bad use.

    Ctrl-C ends it with status 130; the form that was running keeps its old row.
    """
    chosen = [*names] or [*forms]
    if unknown := [name for name in chosen if name not in forms]:
        sys.stderr.write(f"{', '.join(unknown)}: no such form. There are {', '.join(forms)}.\n")
        return WRONG_USE
    rows = _read(page)
    failed = False
    for name in chosen:
        sys.stderr.write(f"== {name}: {forms[name].shown}\n")
        try:
            passed, rows[name] = _run(forms[name])
        except KeyboardInterrupt:
            return INTERRUPTED
        failed = failed or not passed
        page.write_text(_page(forms, rows), encoding="utf-8")
    return int(failed)


def _run(form: Form) -> tuple[bool, Row]:
    """Run one form. Its output is shown as it comes."""
    began, summaries = time.monotonic(), []
    environment = os.environ | form.variables
    command = ["bash", "-c", form.command]
    with subprocess.Popen(  # noqa: S603 - commands of this file
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            if found := SUMMARY.match(line.strip()):
                summaries.append(found[1].strip())
    passed = process.returncode == 0
    result = "; once more: ".join(summaries) or ("passed" if passed else f"failed with status {process.returncode}")
    minutes = (time.monotonic() - began) / 60
    return passed, Row(f"{datetime.now(UTC):%Y-%m-%d}", describe(), f"{minutes:.0f}", result)


def _page(forms: Mapping[str, Form], rows: Mapping[str, Row]) -> str:
    lines = []
    for name, form in forms.items():
        row = rows.get(name, Row(NOT_RUN, "", "", ""))
        lines.append(f"| {name} | `{form.shown}` | {' | '.join(row)} |\n")
    return TITLE + "".join(lines)


def _read(page: Path) -> dict[str, Row]:
    """The rows of the page that have been run."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    cells = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in text.splitlines() if line[:2] == "| "]
    rows = {name: Row(*more) for name, _, *more in cells if len(more) == len(Row._fields)}
    return {name: row for name, row in rows.items() if name != "Form" and row.when != NOT_RUN}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
