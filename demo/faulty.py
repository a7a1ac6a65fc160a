# mypy: disable-error-code="import-not-found"
"""A generated service, with routes that fail on demand.

To be imported by the service's own interpreter, which has the package and `firstlight`.
"""

import runpy
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from firstlight import Service

FAULTS = runpy.run_path(str(Path(__file__).parents[1] / "runtime" / "tests" / "faults.py"))["FAULTS"]


def faulty(package: str) -> Service:
    """The service of a package, with the faults after its own routes."""
    service = import_module(f"{package}.service").SERVICE
    return replace(service, routes=(*service.routes, *FAULTS))
