"""The service under test, in addition to the fixtures of the pytest plug-in."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from firstlight import Service
from firstlight.testing.process import TIMEOUT_SECONDS

from .faults import SERVICE
from .ports import refusing_port

__all__ = ["FAULTS", "PROGRAMS", "TIMEOUT_SECONDS", "service"]

FAULTS = Path(__file__).with_name("faults.py")
PROGRAMS = Path(__file__).with_name("programs")  # services that one test file runs as a process

settings.register_profile("busy", deadline=None)  # the tests of properties measure no time, and the machine may be busy
settings.load_profile("busy")


@pytest.fixture(scope="session")
def service() -> Service:
    """A service that consists of the failing routes."""
    return SERVICE


@pytest.fixture
def refusing() -> Iterator[str]:
    """A URL that refuses connections."""
    with refusing_port() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def _clean_environment(clean_environment: None) -> None:
    """Remove settings from the environment before every test."""


@pytest.fixture(autouse=True)
def _handlers_of_signals() -> Iterator[None]:
    """Give back what `main` sets in this process: processes of later tests would inherit that SIGTERM is ignored."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
