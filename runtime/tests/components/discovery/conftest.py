"""Tests of discovery run on asyncio."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The loop of the library."""
    return "asyncio"
