"""Whether the level of the log is the service's own: `LOG_LEVEL` and calls of `setLevel` override it."""

import logging
from collections.abc import Iterable
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ..metrics.instruments import REGISTRY
from ..settings import Settings
from .logger import LEVELS


class LogLevel(Collector):
    """One series: the level in force, the default level, and 1 while they differ. Read at each scrape."""

    def __init__(self) -> None:
        """Before the first settings are known, both are the default of every service."""
        self._level = self._default = LEVELS["info"]

    def watch(self, settings: Settings) -> None:
        """Compare with the default of this class of settings: a service may declare another one than `info`."""
        field = type(settings).model_fields["log_level"]
        self._level = _number(settings.log_level)
        self._default = _number(field.get_default(call_default_factory=True, validated_data={}))

    def override(self, level: str) -> None:
        """Another level than that of the settings is in force, or that one again."""
        self._level = _number(level)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One family."""
        family = GaugeMetricFamily(
            "log_level_overridden", "1 while the level of the log is not its default.", labels=("level", "default")
        )
        level, default = _name(self._in_force()), _name(self._default)
        family.add_metric((level, default), float(level != default))
        return [family]

    def _in_force(self) -> int:
        """The lowest level that is written.

        A lower level of the root logger has no effect, because the end of the pipeline refuses what is below its own.
        With a higher one, the records of the standard library are lost.
        """
        if self._level != self._default:
            return self._level
        return max(self._level, logging.getLogger().level)


def _number(name: Any) -> int:
    return logging.getLevelNamesMapping()[str(name).upper()]


def _name(number: int) -> str:
    """The lowest named level that is written where `number` is the limit."""
    return next((name for name, least in LEVELS.items() if least >= number), "critical")


LOG_LEVEL = LogLevel()
REGISTRY.register(LOG_LEVEL)
