"""`python -m firstlight check`: run the checks and print what they find."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from ..exit_status import BAD_USE
from ..standard_output import standard_output
from .finding import Finding, FindingError, each
from .project import Project, ProjectError

if TYPE_CHECKING:
    from .catalogue import Check

FOUND = 1
REQUIRED = ("yaml", "promql_parser")  # the extra `development`


def run(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 without findings, 1 with findings, 2 for bad use."""
    if any(util.find_spec(name) is None for name in REQUIRED):
        return _refuse(
            "The checks need the extra `development`: add firstlight-runtime[development] to the dependency group dev."
        )
    from .catalogue import CHECKS  # noqa: PLC0415 - its modules need the extra

    try:
        options = _parser(CHECKS).parse_args(arguments)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    if options.list:
        _print(f"{check.name:<12} {check.summary}" for check in CHECKS)
        return 0
    chosen = [check for check in CHECKS if not options.only or check.name in options.only]
    try:
        project = Project.at(options.root.resolve())
    except ProjectError as error:
        return _refuse(str(error))
    except FindingError as error:
        _print([str(error.finding)])
        return FOUND
    return _report(project, chosen)


def _parser(checks: Sequence["Check"]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m firstlight check", description="Check the files of a service.")
    names = [check.name for check in checks]
    parser.add_argument("--root", type=Path, default=Path(), help="the service, instead of the current directory")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="one check; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the checks")
    return parser


def _report(project: Project, checks: Sequence["Check"]) -> int:
    """Print each finding once, below the names of the checks that made it: a file that many read is broken once."""
    made: dict[Finding, list[str]] = {}
    for check in checks:
        for finding in each(project, [check.findings]):
            made.setdefault(finding, []).append(check.name)
    groups: dict[str, list[Finding]] = {}
    for finding, names in made.items():
        groups.setdefault(", ".join(names), []).append(finding)
    for heading, findings in groups.items():
        _print([f"{heading}:", *(f"  {finding}" for finding in findings)])
    word = "check" if len(checks) == 1 else "checks"
    told = "no findings" if not made else "1 finding" if len(made) == 1 else f"{len(made)} findings"
    _print([f"{len(checks)} {word}, {told}"])
    return FOUND if made else 0


def _print(lines: Iterable[str | Finding]) -> None:
    with standard_output() as output:
        output.writelines(f"{line}\n" for line in lines)


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return BAD_USE
