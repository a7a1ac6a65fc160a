"""What runs here is exported: the release, the team, and the end of support of the template's version."""

import platform
from dataclasses import replace
from datetime import UTC, date, datetime

from firstlight import REGISTRY, Service, Settings, create_app
from firstlight.testing.lines import Lines


def test_build_info_names_the_release_the_template_and_the_team(
    settings: Settings, service: Service, lines: Lines
) -> None:
    """It joins the service's metrics with its release, and its alerts with its team."""
    identity = replace(service.identity, team="checkout", template_version="0.1.0")
    create_app(settings.model_copy(update={"revision": "0a1b2c3"}), replace(service, identity=identity), log_sink=lines)

    labels = {
        "version": service.identity.version,
        "revision": "0a1b2c3",
        "python_version": platform.python_version(),
        "template_version": "0.1.0",
        "team": "checkout",
    }
    assert REGISTRY.get_sample_value("build_info", labels) == 1


def test_support_ends_with_its_last_day(settings: Settings, service: Service, lines: Lines) -> None:
    """The timestamp is the first second that is not supported. Without a day there is no series."""
    identity = replace(service.identity, supported_until=date(2027, 11, 27))
    create_app(settings, replace(service, identity=identity), log_sink=lines)
    ends = REGISTRY.get_sample_value("template_supported_until_timestamp_seconds")
    assert ends == datetime(2027, 11, 28, tzinfo=UTC).timestamp()

    create_app(settings, service, log_sink=lines)
    assert REGISTRY.get_sample_value("template_supported_until_timestamp_seconds") is None
