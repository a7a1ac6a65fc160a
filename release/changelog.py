"""The section of a release in CHANGELOG.md."""

import re
from collections.abc import Iterator
from datetime import date

FILE = "CHANGELOG.md"
_HEADING = re.compile(r"^## \[(?P<name>[^\]\n]+)\](?: - (?P<released>\S+))?[ \t]*$", re.MULTILINE)
_NEXT = "Unreleased"


def section(text: str, name: str) -> str | None:
    """The text below a heading, without spaces around it, or None without the heading."""
    for found in _HEADING.finditer(text):
        if found["name"] == name:
            following = _HEADING.search(text, found.end())
            return text[found.end() : following.start() if following else len(text)].strip()
    return None


def faults(text: str, version: str, released: date | None) -> Iterator[str]:
    """What is wrong for a release of this day; None is a day that is not known yet."""
    day = released or "YYYY-MM-DD"
    own, coming = section(text, version), section(text, _NEXT)
    if own is None:
        where = f"above the entries of {_NEXT}" if coming else "and what has changed since the last release"
        yield f"{FILE} has no section of {version}; write the line `## [{version}] - {day}` {where}."
        return
    if not re.search("^- ", own, re.MULTILINE):
        yield f"{FILE}: the section of {version} is empty; write what has changed since the last release."
    if coming:
        yield f"{FILE}: {_NEXT} has entries, and a release holds them; move them into the section of {version}."
    dates = {found["name"]: found["released"] for found in _HEADING.finditer(text)}
    if released and dates[version] != str(released):
        yield f"{FILE} dates {version} {dates[version]}, and releases.toml {released}; write the same day."
    if (newest := next(name for name in dates if name != _NEXT)) != version:
        yield f"{FILE}: the section of {version} is below that of {newest}; the newest must be at the top."
