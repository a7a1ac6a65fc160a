"""The releases in `releases.toml`: which version of the template this is, and until when it is supported."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from .library import version
from .repository import ROOT

FILE = "releases.toml"
KEYS = ("version", "tag", "commit", "released", "supported_until")
_WANTED = 'version = "1.2.0", tag = "v1.2.0", released = 2026-01-31 and supported_until = 2027-01-31'


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release. It has a tag or the 40 hexadecimal digits of a commit; `at` is the one that it has."""

    version: str
    released: date
    supported_until: date
    tag: str = ""
    commit: str = ""

    @property
    def at(self) -> str:
        """What git knows the release by."""
        return self.tag or self.commit


def read(text: str) -> tuple[Release, ...]:
    """The releases, newest first. Raises `SystemExit` with a sentence for each fault."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{FILE} is not TOML: {error}."
        raise SystemExit(msg) from error
    if sentences := list(_faults(content)):
        raise SystemExit("\n".join(f"{FILE}: {sentence}" for sentence in sentences))
    return tuple(Release(**row) for row in content.get("releases", []))


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, by which versions are ordered."""
    return tuple(map(int, version.split(".")))


def _faults(content: Mapping[str, Any]) -> Iterator[str]:
    for name in content.keys() - {"releases"}:
        yield f"{name} is unknown; there is nothing but [[releases]]."
    rows = content.get("releases", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        yield f"releases must be tables [[releases]] with {_WANTED}."
        return
    if sentences := [sentence for row in rows for sentence in _faults_of_a_row(row)]:
        yield from sentences
        return
    for newer, older in pairwise(rows):
        if numbers(newer["version"]) <= numbers(older["version"]) or newer["released"] < older["released"]:
            yield f"{newer['version']} is above {older['version']}; the newest release must be at the top, each once."


def _faults_of_a_row(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one release. Versions are plain numbers: what is not final is no release."""
    named = row.get("version")
    for name in row.keys() - set(KEYS):
        yield f"{name} of release {named} is unknown; a release has {', '.join(KEYS)}."
    if not isinstance(named, str) or not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", named):
        yield f"version {named!r} must be three numbers with dots, as in {_WANTED}."
    if row.get("tag", f"v{named}") != f"v{named}":
        yield f"tag of release {named} must be 'v{named}'."
    if not re.fullmatch("[0-9a-f]{40}", str(row.get("commit", "0" * 40))):
        yield f"commit of release {named} must be 40 hexadecimal digits."
    if ("tag" in row) == ("commit" in row):
        yield f"release {named} must have a tag or a commit, and not both."
    yield from _faults_of_dates(row)


def _faults_of_dates(row: Mapping[str, Any]) -> Iterator[str]:
    dates = {name: row.get(name) for name in ("released", "supported_until")}
    for name, value in dates.items():
        if not isinstance(value, date) or isinstance(value, datetime):
            yield f"{name} of release {row.get('version')} must be a date without quotes, as in {_WANTED}."
            return
    if row["supported_until"] <= row["released"]:
        yield f"supported_until of release {row.get('version')} must be later than released."


RELEASES = read((ROOT / FILE).read_text(encoding="utf-8"))


def release() -> dict[str, Any]:
    """The template's version, and the end of its support, which is None between releases.

    A release that names a commit is an earlier one: the commit could not name itself.
    """
    found = (entry.supported_until for entry in RELEASES if entry.tag and entry.version == version())
    return {"version": version(), "supported_until": next(found, None)}
