"""What changed in the template between two versions, from its CHANGELOG.md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .template import Template

_VERSION = re.compile(r"## +\[?(?P<version>[^\]\s]+)")
_KIND = re.compile(r"### +(?P<kind>.+)")
_ENTRY = re.compile(r"[-*] +(?P<text>.+)")
_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\([^)]*\)")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry, in one line without links: they lead into the template's repository."""

    version: str
    kind: str
    text: str


def news(old: Template, new: Template) -> list[Entry]:
    """The entries that the old version's CHANGELOG.md does not have; the subjects of the commits when there is none.

    It serves both ways of writing: a release turns `Unreleased` into a section of its own, and what the old version
    already had there is not repeated.
    """
    known = {entry.text for entry in entries(old.read("CHANGELOG.md"))}
    added = [entry for entry in entries(new.read("CHANGELOG.md")) if entry.text not in known]
    return added or [Entry(version="", kind="Commits", text=subject) for subject in new.subjects(old.commit)]


def entries(changelog: str) -> Iterator[Entry]:
    """The entries of a text in the form of Keep a Changelog, in their order."""
    version = kind = ""
    lines: list[str] = []
    for line in [*changelog.splitlines(), "## end"]:
        head, section, entry = (pattern.match(line) for pattern in (_VERSION, _KIND, _ENTRY))
        if lines and (head or section or entry):
            yield Entry(version=version, kind=kind, text=_LINK.sub(r"\g<text>", " ".join(" ".join(lines).split())))
            lines = []
        if head:
            version, kind = head["version"], ""
        elif section:
            kind = section["kind"].strip()
        elif entry:
            lines = [entry["text"]]
        elif lines and line.strip():
            lines.append(line)
