"""`python -m firstlight doctor`: examine the service in the current directory. `make doctor` calls it."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import util
from pathlib import Path
from typing import Any

from ..checks import Project, ProjectError
from ..checks.command import REQUIRED
from ..checks.finding import Finding, FindingError
from ..exit_status import BAD_USE, FAILED
from ..standard_output import standard_output
from ..terminal import paint_for

EXTRA = "The doctor needs the extra `development`: add firstlight-runtime[development] to the dependency group dev."


def run(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 for a healthy service, 1 with findings, 2 when it could not be examined."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    if any(util.find_spec(name) is None for name in REQUIRED):
        return _refuse(EXTRA, as_json=options.json)
    try:
        return _examine(options)
    except ProjectError as error:
        return _refuse(str(error), as_json=options.json)
    except FindingError as error:
        return _broken(error.finding, as_json=options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m firstlight doctor", description="Examine a service.")
    parser.add_argument("--root", type=Path, default=Path(), help="the service, instead of the current directory")
    parser.add_argument("--json", action="store_true", help="print JSON; docs/doctor.md of a service has its shape")
    parser.add_argument("--offline", action="store_true", help="do not ask the template how far the service is behind")
    return parser


def _examine(options: argparse.Namespace) -> int:
    from . import diagnosis, report, upstream  # noqa: PLC0415 - the checks need the extra

    project, today = Project.at(options.root.resolve()), datetime.now(UTC).date()
    found = diagnosis.examine(project, upstream.ask(project, offline=options.offline), today)
    if options.json:
        _print_json(report.as_json(found, today))
    else:
        with standard_output() as output:
            output.writelines(f"{line}\n" for line in report.as_text(found, today, paint_for(output)))
    return report.status(found)


def _broken(finding: Finding, *, as_json: bool) -> int:
    """A service whose pyproject.toml or service.toml cannot be read. Nothing else can be examined."""
    if as_json:
        remark = {"kind": "guarantee", "check": "", "file": finding.file, "sentence": finding.sentence}
        _print_json({"format": 1, "status": FAILED, "findings": [remark]})
    else:
        with standard_output() as output:
            output.write(f"{finding}\n")
    return FAILED


def _refuse(sentence: str, *, as_json: bool) -> int:
    if as_json:
        _print_json({"format": 1, "status": BAD_USE, "error": sentence})
    sys.stderr.write(f"{sentence}\n")
    return BAD_USE


def _print_json(content: dict[str, Any]) -> None:
    with standard_output() as output:
        output.write(f"{json.dumps(content, indent=2)}\n")
