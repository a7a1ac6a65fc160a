"""The identity is read from `service.toml`. The environment may change the reported name."""

import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib import metadata
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from firstlight import ArrangementError, Identity, Service, Settings, create_app
from firstlight.settings import load_for
from firstlight.testing.lines import Lines

from .faults import FAULTS, IDENTITY

ANSWERS = """
name = "firstlight-runtime"
title = "Parcel Scales"
description = "Weighs parcels."
owner = "Team Scales"
team = "team-scales"
template-owned = true
components = ["http_client"]

[slo]
availability = 0.995
latency = 0.95
latency_seconds = 0.5

[processes]
web = 9500
worker = 9501

[template]
version = "0.1.0"
supported_until = 2027-11-27
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with `service.toml`, named like an installed distribution."""
    directory = tmp_path / "parcel_scales"
    directory.mkdir()
    (directory / "__init__.py").touch()
    (directory / "service.toml").write_text(ANSWERS, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield directory.name
    sys.modules.pop(directory.name, None)


def test_the_identity_is_that_of_the_answers(package: str) -> None:
    """Every field is from `service.toml`, and the version from the installed distribution."""
    assert Identity.of(package) == Identity(
        name="firstlight-runtime",
        package=package,
        version=metadata.version("firstlight-runtime"),
        title="Parcel Scales",
        description="Weighs parcels.",
        owner="Team Scales",
        team="team-scales",
        template_version="0.1.0",
        supported_until=date(2027, 11, 27),
        defaults={"slo_availability": 0.995, "slo_latency": 0.95, "slo_latency_seconds": 0.5},
        management_ports={"web": 9500, "worker": 9501},
    )


def test_the_answers_are_defaults_of_the_settings(package: str) -> None:
    """Every name in `[slo]` and `[processes]` is a setting, or would be ignored."""
    identity, answers = Identity.of(package), tomllib.loads(ANSWERS)
    settings = load_for(Settings, identity, Service(identity=identity).management_ports["worker"])
    assert {name: getattr(settings, f"slo_{name}") for name in answers["slo"]} == answers["slo"]
    assert settings.management_port == answers["processes"]["worker"]


def test_answers_of_an_older_version_of_the_template_are_enough(package: str, tmp_path: Path) -> None:
    """They have neither a team nor the version of the template."""
    older = ANSWERS[: ANSWERS.index("[template]")].replace('team = "team-scales"', "")
    (tmp_path / package / "service.toml").write_text(older, "utf-8")
    identity = Identity.of(package)
    assert (identity.team, identity.template_version, identity.supported_until) == ("", "", None)


def test_a_version_between_two_releases_has_no_end_of_support(package: str, tmp_path: Path) -> None:
    """The template knows the day only of what it has released."""
    between = ANSWERS.replace("supported_until = 2027-11-27", "")
    (tmp_path / package / "service.toml").write_text(between, "utf-8")
    assert (Identity.of(package).template_version, Identity.of(package).supported_until) == ("0.1.0", None)


def test_a_package_that_is_not_installed_raises(package: str, tmp_path: Path) -> None:
    """The distribution has the name of the service."""
    (tmp_path / package / "service.toml").write_text(ANSWERS.replace("firstlight-runtime", "not-installed"), "utf-8")
    with pytest.raises(metadata.PackageNotFoundError, match="not-installed"):
        Identity.of(package)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, IDENTITY.name),
        ({"OTEL_SERVICE_NAME": "billing"}, "billing"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "team=checkout, service.name = ledger ,a=b"}, "ledger"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=ledger", "OTEL_SERVICE_NAME": "billing"}, "billing"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "team=checkout"}, IDENTITY.name),
    ],
    ids=str,
)
def test_logs_and_traces_have_the_name_of_the_environment(
    environment: dict[str, str],
    name: str,
    lines: Lines,
    spans: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As OpenTelemetry specifies. Without the variables it is that of `service.toml`."""
    for variable, value in {**environment, "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0"}.items():
        monkeypatch.setenv(variable, value)
    service = Service(identity=IDENTITY, routes=FAULTS)
    settings = load_for(service.settings, service.identity, 9464)
    app = create_app(settings, service, log_sink=lines, span_processors=[SimpleSpanProcessor(spans)])

    with TestClient(app) as client:
        client.get("/faults/none")

    assert {line["service"] for line in lines.events} == {name}
    (span,) = spans.get_finished_spans()
    assert span.resource.attributes["service.name"] == name
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == name


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (ANSWERS.replace("owner =", "owners ="), "lacks owner; the template wrote it, so take it from there"),
        ("name = ", "cannot be read: "),
        (
            ANSWERS.replace("2027-11-27", '"soon"'),
            r"supported_until of \[template\] must be a date, such as 2027-11-27",
        ),
    ],
)
def test_bad_answers_are_one_sentence(package: str, tmp_path: Path, answers: str, sentence: str) -> None:
    """They stop the start like a bad setting."""
    (tmp_path / package / "service.toml").write_text(answers, encoding="utf-8")
    with pytest.raises(ArrangementError, match=sentence):
        Identity.of(package)
