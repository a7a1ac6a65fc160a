"""A level of the log that is not the service's own is visible in one series."""

import logging
from collections.abc import Callable, Iterator

import pytest

from firstlight import REGISTRY, Service, Settings, create_app
from firstlight.settings.settings import Level
from firstlight.testing.lines import Lines

Start = Callable[[Settings], object]


class Terse(Settings):
    """A service that writes warnings only, by its own choice."""

    log_level: Level = "warning"


@pytest.fixture
def start(service: Service, lines: Lines) -> Iterator[Start]:
    """Start the service with these settings."""
    level = logging.getLogger().level
    yield lambda settings: create_app(settings, service, log_sink=lines)
    logging.getLogger().setLevel(level)


def _series() -> list[tuple[str, str, float]]:
    return [
        (sample.labels["level"], sample.labels["default"], sample.value)
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "log_level_overridden"
    ]


@pytest.mark.parametrize(
    ("settings", "series"),
    [
        (Settings(), ("info", "info", 0)),
        (Settings(log_level="debug"), ("debug", "info", 1)),
        (Settings(log_level="error"), ("error", "info", 1)),
        (Terse(), ("warning", "warning", 0)),
        (Terse(log_level="info"), ("info", "warning", 1)),
    ],
    ids=["default", "lower", "higher", "own-default", "over-own-default"],
)
def test_a_level_from_the_environment_is_compared_with_the_default_of_the_service(
    start: Start, settings: Settings, series: tuple[str, str, float]
) -> None:
    """`LOG_LEVEL` is the argument here."""
    start(settings)
    assert _series() == [series]


@pytest.mark.parametrize(
    ("level", "series"),
    [
        ("ERROR", ("error", "info", 1)),
        (25, ("warning", "info", 1)),
        (100, ("critical", "info", 1)),
        ("DEBUG", ("info", "info", 0)),  # the pipeline refuses what is below its own level
        ("INFO", ("info", "info", 0)),
    ],
)
def test_a_level_that_code_sets_is_seen_at_the_next_scrape(
    start: Start, level: str | int, series: tuple[str, str, float]
) -> None:
    """A call of `setLevel` on the root logger is obeyed, and hides records of the standard library."""
    start(Settings())
    logging.getLogger().setLevel(level)
    assert _series() == [series]
