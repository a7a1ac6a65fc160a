"""Creates the application of a process: installs the hooks for errors, and logs an error of the creation."""

import sys

from .. import failures
from ..app import Application, create_app
from ..errors import ArrangementError, SettingsError
from ..exit_status import FAILED_START
from ..service import Service
from ..settings import Settings
from . import hooks


def created(settings: Settings, service: Service, process: str) -> Application:
    """Create the application of `process`. Raises `SettingsError` and `ArrangementError`; `SystemExit` for others."""
    try:
        application = create_app(settings, service, process=process, served=True)
    except (SettingsError, ArrangementError):
        raise
    except Exception as error:  # noqa: BLE001 - the team's code may raise any error
        failures.report("start", "service.start_failed", error)
        sys.exit(FAILED_START)
    hooks.install()
    return application
