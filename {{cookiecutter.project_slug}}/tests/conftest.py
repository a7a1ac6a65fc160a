"""The fixtures `settings`, `client`, `lines`, `spans` and `serve` come from `firstlight.testing`, on this service."""

import pytest
from firstlight import Service

from <%= cookiecutter.package_name %>.service import SERVICE


@pytest.fixture(scope="session")
def service() -> Service:
    """The service under test."""
    return SERVICE
