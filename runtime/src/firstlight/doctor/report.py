"""The diagnosis as JSON, and as text for people."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from ..exit_status import FAILED
from ..terminal import Paint
from .diagnosis import Diagnosis, Remark
from .record import FORMAT
from .upstream import Upstream

HEADINGS = {
    "guarantee": "guarantees lost",
    "vendor": "the library was edited",
    "edited": "files of the template were edited",
    "lock": "the lock file",
    "support": "support",
    "tool": "tools",
    "server": "servers of components",
}


def status(diagnosis: Diagnosis) -> int:
    """0 without findings, else 1."""
    return FAILED if diagnosis.findings else 0


def as_json(diagnosis: Diagnosis, today: date) -> dict[str, Any]:
    """The shape of `docs/doctor.md`. Names are added to it; none is removed or changes its meaning without `format`."""
    support, upstream = diagnosis.support, diagnosis.upstream
    ended = support.ended(today)
    return {
        "format": FORMAT,
        "status": status(diagnosis),
        "service": diagnosis.project.slug,
        "team": diagnosis.project.service.get("team"),
        "version": support.version or None,
        "supported_until": support.until.isoformat() if support.until else None,
        "supported": None if ended is None else not ended,
        "template": {
            "address": upstream.address or None,
            "commit": upstream.commit or None,
            "state": upstream.state,
            "commits_behind": 0 if upstream.state == "current" else upstream.commits,
            "newest": upstream.newest or None,
            "reason": upstream.reason or None,
        },
        "findings": [_remark(remark) for remark in diagnosis.findings],
        "notes": [_remark(remark) for remark in diagnosis.notes],
        "edited": list(diagnosis.edited),
        "missing_tools": [{"tools": list(tool.names), "for": tool.targets} for tool in diagnosis.missing],
    }


def _remark(remark: Remark) -> dict[str, str]:
    sentence = " ".join(remark.finding.sentence.split())
    return {"kind": remark.kind, "check": remark.check, "file": remark.finding.file, "sentence": sentence}


def as_text(diagnosis: Diagnosis, today: date, paint: Paint) -> Iterator[str]:
    """A few lines about version and template, then what to mend, then what else is known, then the verdict."""
    yield f"{diagnosis.project.slug}: {_version(diagnosis, today)}"
    yield f"template: {_distance(diagnosis.upstream)}"
    for kind, heading in HEADINGS.items():
        remarks = [remark for remark in diagnosis.findings if remark.kind == kind]
        if remarks:
            yield paint(f"{heading}:", "bold", "red")
            yield from (f"  {remark.finding}" for remark in remarks)
    if diagnosis.notes or diagnosis.missing:
        yield paint("notes:", "bold")
        yield from (f"  {remark.finding}" for remark in diagnosis.notes)
        yield from (f"  not on this machine: {tool}" for tool in diagnosis.missing)
    count = len(diagnosis.findings)
    told = "healthy" if not count else "1 finding" if count == 1 else f"{count} findings"
    yield paint(told, "bold", "red" if count else "green")


def _version(diagnosis: Diagnosis, today: date) -> str:
    support = diagnosis.support
    if not support.version:
        return "of an unknown version of the template"
    ended = support.ended(today)
    end = "" if ended is None else f", {'no longer supported since' if ended else 'supported until'} {support.until}"
    return f"version {support.version} of the template{end}"


def _distance(upstream: Upstream) -> str:
    if upstream.state == "behind" and upstream.commits is not None:
        newest = f"; its newest release is {upstream.newest}" if upstream.newest else ""
        commits = "1 commit" if upstream.commits == 1 else f"{upstream.commits} commits"
        return f"{commits} behind{newest}; `make update` brings them"
    told = {
        "current": "up to date",
        "behind": f"behind; how far is not known ({upstream.reason})",
        "not_asked": "not asked",
        "unreachable": f"{upstream.address} cannot be reached ({upstream.reason})",
        "unknown": f"unknown: {upstream.reason}",
    }
    return told[upstream.state]
