"""The plug-in `firstlight.testing` brings the fixtures `settings`, `client`, `lines`, `spans` and `serve`."""

import pytest
from firstlight import Service

from <%= cookiecutter.package_name %>.service import SERVICE


@pytest.fixture(scope="session")
def service() -> Service:
    """The service that the plug-in's fixtures test."""
    return SERVICE


@pytest.fixture(scope="session")
def declared_answers() -> bool:
    """Whether `client` compares each response with what its operation declares."""
    return True
