"""The teams that are notified of the alerts of their own services, from `alerts/alertmanager/teams.toml`."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .fault import FaultError

SLUG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
# The receivers of everybody; generated ones are named <team>-page and <team>-hours.
KEYS = ("slack", "pager", "email")
_WANTED = 'slack = "#payments", and optionally pager = true and email = "payments@example.com"'


@dataclass(frozen=True, kw_only=True)
class Team:
    """One team. Without a pager of its own, the default one is called; without an address, no email is sent."""

    name: str
    slack: str
    pager: bool = False
    email: str = ""


def read(file: Path) -> tuple[Team, ...]:
    """The teams, in the order of the file. Raises `FaultError`."""
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FaultError(file, [f"it cannot be read: {error}."]) from None
    if sentences := list(_faults(content)):
        raise FaultError(file, sentences)
    return tuple(Team(name=name, **row) for name, row in content.get("teams", {}).items())


def _faults(content: Mapping[str, Any]) -> Iterator[str]:
    for name in content.keys() - {"teams"}:
        yield f"{name} is unknown; there are only tables [teams.<team>]."
    teams = content.get("teams", {})
    if not isinstance(teams, dict):
        yield f"teams must be tables [teams.<team>] with {_WANTED}."
        return
    for name, row in teams.items():
        yield from _faults_of(name, row)


def _faults_of(name: str, row: object) -> Iterator[str]:
    if not re.fullmatch(SLUG, name):
        yield f"the team {name!r} must be named as in the label team: lower-case letters, digits and single hyphens."
    if not isinstance(row, dict):
        yield f"the team {name} must be a table with {_WANTED}."
        return
    for key in row.keys() - set(KEYS):
        yield f"{key} of the team {name} is unknown; a team has {', '.join(KEYS)}."
    slack, pager, email = row.get("slack"), row.get("pager", False), row.get("email", "x@y")
    if not isinstance(slack, str) or not re.fullmatch(r"[#@]\S+", slack):
        yield f'slack of the team {name} must be a channel, such as "#payments".'
    if not isinstance(pager, bool):
        yield f"pager of the team {name} must be true or false."
    if not isinstance(email, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        yield f'email of the team {name} must be one address, such as "payments@example.com".'
