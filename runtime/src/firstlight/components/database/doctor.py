"""For `make doctor`: whether the server of DATABASE_URL has connections for the pools of all instances."""

import asyncio

from ...checks import Finding, Project
from ...doctor.servers import Asked
from ...errors import SettingsError
from ...settings.loading import load
from . import capacity_check
from .settings import DatabaseSettings

VARIABLE = "DATABASE_POOL_SIZE"
NO_SERVER = "DATABASE_URL names no PostgreSQL server here"


def ask(project: Project) -> Asked:
    """Compare the variables of this environment with the server that they name."""
    del project
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
    return Asked() if excess is None else Asked(findings=(Finding(VARIABLE, f"is too high: {excess.sentence}"),))


def _noted(sentence: str) -> Asked:
    return Asked(notes=(Finding(VARIABLE, sentence),))
