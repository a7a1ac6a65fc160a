"""OpenTelemetry's SDK without the environment: some variables, read at import, end the process when they are wrong."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

DISABLED = "OTEL_SDK_DISABLED"
_PREFIX = "OTEL_"
_LOGGER = "opentelemetry.sdk.environment_variables"  # it warns about each invalid variable
_READ_AT_IMPORT = ("opentelemetry.context", "opentelemetry.propagate", "opentelemetry.sdk.trace")


# The API would load the provider that these name, before the service sets its own, and fail if it is not installed.
_PROVIDERS = ("OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER")


@contextmanager
def without_providers() -> Iterator[None]:
    """Hide the variables that name a provider while the body runs, such as the import of a module with a tracer."""
    held = {name: os.environ.pop(name) for name in _PROVIDERS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(held)


@contextmanager
def without_variables(**instead: str) -> Iterator[None]:
    """Hide OpenTelemetry's variables, all but `instead`, while the body runs. The settings have read them."""
    held = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith(_PREFIX)}
    os.environ.update(instead)
    try:
        yield
    finally:
        for name in instead:
            del os.environ[name]
        os.environ.update(held)


def load() -> None:
    """Import the modules that read variables at import. Call it before anything else imports them."""
    if all(name in sys.modules for name in _READ_AT_IMPORT):
        return
    logging.getLogger(_LOGGER).setLevel(logging.ERROR)
    with without_variables():
        for name in _READ_AT_IMPORT:
            import_module(name)
