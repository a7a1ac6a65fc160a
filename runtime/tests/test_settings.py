"""Settings come from the environment, typed and frozen; a bad value is refused in one sentence that names it."""

from typing import Self

import pytest
from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings

from firstlight.settings import (
    IDENTITY,
    Settings,
    SettingsError,
    load,
)

DSN = "https://hunter2@sentry.example/1"

# variable, text, value
GIVEN = [
    ("HOST", "0.0.0.0", "0.0.0.0"),  # noqa: S104 - what an image sets
    ("PORT", "8080", 8080),
    ("MANAGEMENT_HOST", "::1", "::1"),
    ("MANAGEMENT_PORT", "9000", 9000),
    ("ENVIRONMENT", "production", "production"),
    ("REVISION", "0a1b2c3", "0a1b2c3"),
    ("LOG_LEVEL", "debug", "debug"),
    ("LOG_FORMAT", "console", "console"),
    ("SENTRY_DSN", DSN, SecretStr(DSN)),
    ("DRAIN_SECONDS", "0.5", 0.5),
    ("GRACEFUL_SECONDS", "30", 30),
    ("MAX_BODY_BYTES", "0", 0),
    ("SLO_AVAILABILITY", "0.9995", 0.9995),
    ("SLO_LATENCY", "0.95", 0.95),
    ("SLO_LATENCY_SECONDS", "0.5", 0.5),
    ("TRUST_REMOTE_PARENT", "false", False),
    ("ACCEPT_BAGGAGE", "true", True),
    ("OTEL_SERVICE_NAME", "other", "other"),
    ("OTEL_TRACES_EXPORTER", "none", "none"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", "http://collector:4318"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/t", "http://collector:4318/t"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "gzip"),
    ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "deflate", "deflate"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "2.5", 2.5),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1", 1),
    ("OTEL_PROPAGATORS", "tracecontext", "tracecontext"),
    ("OTEL_TRACES_SAMPLER", "always_off", "always_off"),
    ("OTEL_TRACES_SAMPLER_ARG", "0.1", 0.1),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "10", 10),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5", 5),
    ("OTEL_BSP_SCHEDULE_DELAY", "100", 100),
    ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET,BREW", "GET,BREW"),
]

DEFAULTS = {
    "host": "127.0.0.1",
    "port": 8000,
    "management_host": "127.0.0.1",
    "management_port": 9464,
    "environment": "development",
    "log_level": "info",
    "log_format": "auto",
    "sentry_dsn": None,
    "drain_seconds": 5,
    "graceful_seconds": 20,
    "slo_availability": IDENTITY["slo"]["availability"],
    "slo_latency": 0.99,
    "slo_latency_seconds": IDENTITY["slo"]["latency_seconds"],
    "trust_remote_parent": True,
    "accept_baggage": False,
    "otel_service_name": IDENTITY["name"],
    "otel_exporter_otlp_endpoint": None,
    "otel_traces_sampler": "parentbased_traceidratio",
    "otel_traces_sampler_arg": 1,
}

# variable, text, what the sentence says it must be
BAD = [
    ("PORT", "http", "integer"),
    ("PORT", "-1", "greater than or equal to 0"),
    ("PORT", "65536", "less than or equal to 65535"),
    ("MANAGEMENT_PORT", "9464.5", "integer"),
    ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ("LOG_FORMAT", "xml", "'auto', 'json' or 'console'"),
    ("SENTRY_DSN", "hunter2", "https://<key>@<host>/<project number>"),
    ("SENTRY_DSN", "https://hunter2@sentry.example/name", "https://<key>@<host>/<project number>"),
    ("SENTRY_DSN", "https://sentry.example/1", "https://<key>@<host>/<project number>"),
    ("SENTRY_DSN", "ftp://hunter2@sentry.example/1", "https://<key>@<host>/<project number>"),
    ("DRAIN_SECONDS", "-1", "greater than or equal to 0"),
    ("DRAIN_SECONDS", "soon", "number"),
    ("DRAIN_SECONDS", "nan", ""),
    ("DRAIN_SECONDS", "inf", ""),
    ("GRACEFUL_SECONDS", "0", "greater than or equal to 1"),
    ("GRACEFUL_SECONDS", "1.5", "integer"),
    ("MAX_BODY_BYTES", "-1", "greater than or equal to 0"),
    ("SLO_AVAILABILITY", "99.9", "a ratio below 1"),
    ("SLO_AVAILABILITY", "1", "a ratio below 1"),
    ("SLO_AVAILABILITY", "0.93", "above 0.9306"),
    ("SLO_AVAILABILITY", "nan", "a ratio below 1"),
    ("SLO_LATENCY", "0", "a ratio below 1"),
    ("SLO_LATENCY_SECONDS", "fast", "number"),
    ("TRUST_REMOTE_PARENT", "perhaps", "boolean"),
    ("ACCEPT_BAGGAGE", "2", "boolean"),
    ("OTEL_TRACES_EXPORTER", "jaeger", "'otlp' or 'none'"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "//collector", "http"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "'http/protobuf'"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip", "'gzip'"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "greater than 0"),
    ("OTEL_PROPAGATORS", "b3", "tracecontext"),
    ("OTEL_TRACES_SAMPLER", "sometimes", "'parentbased_traceidratio'"),
    ("OTEL_TRACES_SAMPLER_ARG", "1.1", "less than or equal to 1"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "greater than or equal to 1"),
]


@pytest.mark.parametrize(("variable", "text", "value"), GIVEN, ids=[variable for variable, *_ in GIVEN])
def test_reads_each_variable(monkeypatch: pytest.MonkeyPatch, variable: str, text: str, value: object) -> None:
    """The environment decides."""
    monkeypatch.setenv(variable, text)

    assert getattr(load(Settings), variable.lower()) == value


def test_has_the_documented_defaults() -> None:
    """An empty environment is enough to start."""
    settings = load(Settings)

    assert {name: getattr(settings, name) for name in DEFAULTS} == DEFAULTS
    assert not settings.exports_traces


def test_takes_an_empty_variable_for_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests and compose files set what they do not know to nothing."""
    defaults = load(Settings)
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")

    assert load(Settings) == defaults


def test_is_frozen(settings: Settings) -> None:
    """What the service was started with stays what it runs with."""
    for name in Settings.model_fields:
        with pytest.raises(ValidationError):
            setattr(settings, name, getattr(settings, name))


def test_management_listens_where_the_service_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable moves both planes; a second one parts them."""
    monkeypatch.setenv("HOST", "::")
    assert load(Settings).management_host == "::"

    monkeypatch.setenv("MANAGEMENT_HOST", "::1")
    assert load(Settings).management_host == "::1"


def test_exports_traces_only_where_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either endpoint turns the export on, and `none` turns it off again."""
    for endpoint in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        with monkeypatch.context() as patch:
            patch.setenv(endpoint, "http://collector:4318")
            assert load(Settings).exports_traces
            patch.setenv("OTEL_TRACES_EXPORTER", "none")
            assert not load(Settings).exports_traces


@pytest.mark.parametrize(("variable", "text", "demand"), BAD, ids=[f"{name}={text}" for name, text, _ in BAD])
def test_refuses_a_bad_value_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, demand: str
) -> None:
    """Whoever deploys learns which variable it is and what it must be."""
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError) as refused:
        load(Settings)

    sentence = str(refused.value)
    assert sentence.startswith(f"{variable} must ")
    assert demand in sentence
    assert not {"\n", ";"} & set(sentence)  # nothing else was wrong


def test_names_every_bad_value_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One deployment to find them all, not one for each."""
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("DRAIN_SECONDS", "-1")

    with pytest.raises(SettingsError) as refused:
        load(Settings)

    sentence = str(refused.value)
    assert all(f"{name} must " in sentence for name in ("PORT", "LOG_LEVEL", "DRAIN_SECONDS"))
    assert "\n" not in sentence


def test_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a refusal nor a printed `Settings` gives the key away."""
    for name, text in (("SENTRY_DSN", "hunter2"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://user:hunter2@collector")):
        monkeypatch.setenv(name, text)
        with pytest.raises(SettingsError, match=name) as refused:
            load(Settings)
        assert "hunter2" not in str(refused.value)
        monkeypatch.delenv(name)

    monkeypatch.setenv("SENTRY_DSN", DSN)
    assert "hunter2" not in f"{load(Settings)!r} {load(Settings)}"


class PairSettings(BaseSettings):
    """Two values that must fit together."""

    smallest: int = 1
    largest: int = 0

    @model_validator(mode="after")
    def fit(self) -> Self:
        """A rule that is no single field's."""
        if self.smallest > self.largest:
            msg = "SMALLEST must not be above LARGEST"
            raise ValueError(msg)
        return self


def test_refuses_values_that_do_not_fit_together() -> None:
    """A component's rule may be about several variables, and names them itself."""
    with pytest.raises(SettingsError, match=r"^SMALLEST must not be above LARGEST"):
        load(PairSettings)
