"""What runs here, as metrics: the service's release, and the template's version with the end of its support."""

import platform
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ..identity import Identity
from .instruments import BUILD_INFO, REGISTRY


class SupportedUntil(Collector):
    """A gauge that is absent while the day is unknown: without one, a version is neither supported nor past its end."""

    def __init__(self) -> None:
        """No day is known."""
        self.day: date | None = None

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One family, with the first second in UTC after the day."""
        family = GaugeMetricFamily(
            "template_supported_until_timestamp_seconds", "When support of the template's version ends.", labels=()
        )
        if self.day:
            end = datetime.combine(self.day, time(), UTC) + timedelta(days=1)
            family.add_metric((), end.timestamp())
        return [family]


SUPPORTED_UNTIL = SupportedUntil()
REGISTRY.register(SUPPORTED_UNTIL)


def publish(identity: Identity, revision: str) -> None:
    """Export `build_info`, and the end of support where it is known."""
    BUILD_INFO.labels(
        identity.version, revision, platform.python_version(), identity.template_version, identity.team
    ).set(1)
    SUPPORTED_UNTIL.day = identity.supported_until
