"""What the doctor finds in a service. A finding must be mended; a note is told and changes no exit status."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ..checks import Finding, Project
from ..checks.catalogue import CHECKS
from ..checks.finding import FindingError, each
from . import lock, servers, tools
from .record import FILE, Record, moved_commit
from .support import Support
from .tools import Tool
from .upstream import Upstream

KINDS = ("guarantee", "vendor", "edited", "lock", "support", "tool", "server")
VENDOR = "vendor"
NO_RECORD = "does not exist, so edits of the template's files are not known: the next update brings it."


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """A finding or a note of a kind. `check` is the check of `make check` that made it, or empty."""

    kind: str
    check: str
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything that is known about a service. `edited` has every edited file of the template."""

    project: Project
    support: Support
    upstream: Upstream
    findings: Sequence[Remark]
    notes: Sequence[Remark]
    edited: Sequence[str]
    missing: Sequence[Tool]


def examine(project: Project, upstream: Upstream, today: date) -> Diagnosis:
    """Run the checks, and compare the service with what its last update recorded."""
    support = Support.of(project)
    guarantees = list(_guarantees(project))
    differences, broken = _differences(project)
    edited = [finding for finding, pin in differences if not pin] + broken
    known = {remark.finding.file for remark in guarantees}
    pinned, lacking = {finding.file for finding, pin in differences if pin}, list(tools.missing(project))
    told = {
        "lock": (lock.findings(project), lock.notes(project)),
        "support": (support.findings(today), support.notes(today)),
        "server": servers.ask(project),
    }
    return Diagnosis(
        project=project,
        support=support,
        upstream=upstream,
        findings=[
            *guarantees,
            *(Remark("edited", "", finding) for finding in edited if not _is_known(finding.file, known)),
            *(Remark(kind, "", finding) for kind, (found, _) in told.items() for finding in found),
            *(Remark("tool", "", _lacking(tool)) for tool in lacking if tool.required),
        ],
        notes=[
            *(Remark("edited", "", finding) for finding, pin in differences if pin and finding.file not in known),
            *(Remark("edited", "", finding) for finding in _unrecorded(project)),
            *(Remark(kind, "", finding) for kind, (_, notes) in told.items() for finding in notes),
        ],
        edited=sorted({*(finding.file for finding in edited), *(pinned & known)}),
        missing=[tool for tool in lacking if not tool.required],
    )


def _guarantees(project: Project) -> Iterator[Remark]:
    """The findings of `make check`, each once, with the first check that made it."""
    seen: set[Finding] = set()
    for check in CHECKS:
        for finding in each(project, [check.findings]):
            if finding not in seen:
                seen.add(finding)
                yield Remark(VENDOR if check.name == VENDOR else "guarantee", check.name, finding)


def _differences(project: Project) -> tuple[list[tuple[Finding, bool]], list[Finding]]:
    """The differences from the record, and what is wrong with the record."""
    try:
        record = Record.of(project)
        if record is None:
            return [], []
        return list(record.differences(project)), list(moved_commit(project, record))
    except FindingError as error:
        return [], [error.finding]


def _unrecorded(project: Project) -> Iterator[Finding]:
    if not project.has(FILE):
        yield Finding(FILE, NO_RECORD)


def _is_known(edited: str, known: Iterable[str]) -> bool:
    """Whether a finding about a file, or a folder of files, already names the edit."""
    return any(edited == file or edited.startswith(f"{file}/") for file in known)


def _lacking(tool: Tool) -> Finding:
    return Finding(" or ".join(tool.names), f"is missing on this machine, and needed for {tool.targets}.")
