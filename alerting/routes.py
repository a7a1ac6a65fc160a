"""The part of `alertmanager.yml` that is written from the teams: a route and a receiver for each team and priority."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from .fault import FaultError
from .teams import Team, read

TABLE, CONFIGURATION = "teams.toml", "alertmanager.yml"
BEGIN, END = "# Begin of what is written from teams.toml.", "# End of what is written from teams.toml."
SECRETS = "/etc/alertmanager/secrets"


def rendered(directory: Path) -> str:
    """The configuration with the routes of the teams in `directory`. Raises `FaultError`."""
    teams, file = read(directory / TABLE), directory / CONFIGURATION
    text = file.read_text("utf-8")
    parts = list(re.finditer(rf"(?ms)^( *){re.escape(BEGIN)}\n.*?^ *{re.escape(END)}\n", text))
    if len(parts) != len(_PARTS):
        raise FaultError(file, [f"it must have two parts between `{BEGIN}` and `{END}`: in routes, and in receivers."])
    for part, write in reversed(list(zip(parts, _PARTS, strict=True))):
        lines = [BEGIN, *(line for team in teams for line in write(team)), END]
        block = "".join(f"{part[1]}{line}\n" if line else "\n" for line in lines)
        text = text[: part.start()] + block + text[part.end() :]
    return text


def _routes(team: Team) -> Iterator[str]:
    """The waits are those of the default routes. A team without a pager hears of pages that the default pager gets."""
    waits = ("group_wait: 10s", "group_interval: 1m", "repeat_interval: 1h")
    yield from (
        _route(team, "P1", "page", waits) if team.pager else _route(team, "P1", "hours", (*waits, "continue: true"))
    )
    yield from _route(team, "P2", "hours", ())


def _route(team: Team, priority: str, receiver: str, settings: Iterable[str]) -> Iterator[str]:
    yield f"- matchers: [team = {team.name}, priority = {priority}]"
    yield f"  receiver: {team.name}-{receiver}"
    yield from (f"  {setting}" for setting in settings)


def _receivers(team: Team) -> Iterator[str]:
    slack = ("slack_configs:", f"  - {{<<: *slack, channel: {json.dumps(team.slack)}}}")
    if team.pager:
        key = f"{SECRETS}/pagerduty_{team.name}"
        pager = ("pagerduty_configs:", f"  - {{<<: *pager, routing_key_file: {key}}}")
        yield from _receiver(f"{team.name}-page", (*pager, *slack))
    email = ("email_configs:", f"  - {{<<: *email, to: {json.dumps(team.email)}}}") if team.email else ()
    yield from _receiver(f"{team.name}-hours", (*slack, *email))


def _receiver(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"- name: {name}"
    yield from (f"  {line}" for line in lines)


_PARTS = (_routes, _receivers)
