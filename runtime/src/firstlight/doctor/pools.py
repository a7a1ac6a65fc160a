"""Whether the server of DATABASE_URL has connections for the pools of all instances."""

import asyncio
from importlib import util
from typing import NamedTuple

from ..checks import Finding, Project
from ..errors import SettingsError
from ..settings.loading import load

VARIABLE = "DATABASE_POOL_SIZE"
NO_SERVER = "DATABASE_URL names no PostgreSQL server here"


class Pools(NamedTuple):
    """What a comparison says: findings, or a note with the numbers where no server could be asked."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()


def compare(project: Project) -> Pools:
    """Compare the variables of this environment with the server that they name."""
    if "database" not in project.components or util.find_spec("sqlalchemy") is None:
        return Pools()
    from ..components.database import DatabaseSettings, capacity_check  # noqa: PLC0415 - of an extra

    try:
        settings = load(DatabaseSettings)
        demand = capacity_check.demand_of(settings)
        limits = asyncio.run(capacity_check.ask(settings))
    except (SettingsError, ValueError) as error:
        return _noted(f"was not compared with the server: {error}.")
    except Exception as error:  # noqa: BLE001 - of the network, of the driver, or of the server
        return _noted(f"was not compared: {demand}, and the server did not answer ({type(error).__name__}).")
    if limits is None:
        return _noted(f"was not compared: {demand}, and {NO_SERVER}.")
    excess = demand.excess(limits)
    return Pools() if excess is None else Pools(findings=(Finding(VARIABLE, f"is too high: {excess.sentence}"),))


def _noted(sentence: str) -> Pools:
    return Pools(notes=(Finding(VARIABLE, sentence),))
