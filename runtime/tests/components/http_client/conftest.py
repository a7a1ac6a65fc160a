"""Log lines go to the test, and the machine's environment names no dependencies."""

from typing import TYPE_CHECKING

import pytest

from firstlight import Settings
from firstlight.components.http_client import HttpClientSettings
from firstlight.logs import pipeline
from firstlight.refusals import variable

from ...faults import IDENTITY

if TYPE_CHECKING:  # an import would hide the fixture of the same name
    from firstlight.testing.lines import Lines


@pytest.fixture(autouse=True)
def _settled(settings: Settings, lines: "Lines", monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HttpClientSettings.model_fields:
        monkeypatch.delenv(variable(HttpClientSettings, name), raising=False)
        monkeypatch.delenv(variable(HttpClientSettings, name).lower(), raising=False)
    pipeline.configure(settings, IDENTITY, lines)
