"""Settings come from the environment, typed and frozen; a bad value is refused in one sentence that names it."""

from typing import Annotated, Any, Self

import pytest
from pydantic import AfterValidator, BeforeValidator, Field, PostgresDsn, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import (
    Component,
    Identity,
    NoSettings,
    Process,
    Service,
    Settings,
    SettingsError,
    Surroundings,
    create_app,
    nothing,
)
from firstlight.settings import load, load_for
from firstlight.testing.lines import Lines

DSN = "https://hunter2@sentry.example/1"

TRUSTED_HOSTS = ("api.example", "*.example.com", "fd00::1", "10.0.0.5")
CORS_ORIGINS = ("https://app.example", "http://localhost:3000")

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
    ("DIAGNOSTICS_TOKEN", "f" * 32, SecretStr("f" * 32)),
    ("DRAIN_SECONDS", "0.5", 0.5),
    ("GRACEFUL_SECONDS", "30", 30),
    ("MAX_BODY_BYTES", "0", 0),
    ("SLO_AVAILABILITY", "0.9995", 0.9995),
    ("SLO_LATENCY", "0.95", 0.95),
    ("SLO_LATENCY_SECONDS", "0.5", 0.5),
    ("TRUST_REMOTE_PARENT", "true", True),
    ("ACCEPT_BAGGAGE", "true", True),
    ("ACCEPT_DEADLINE", "true", True),
    ("RATE_LIMITS", "On", "on"),
    ("TRUSTED_HOSTS", " API.example. , *.Example.com,,[FD00:0::1],10.0.0.5 ", TRUSTED_HOSTS),
    ("TRUSTED_HOSTS", "*", ("*",)),
    ("CORS_ORIGINS", " HTTPS://App.example/ , https://app.example:443,http://localhost:3000", CORS_ORIGINS),
    ("CORS_ORIGINS", "*", ("*",)),
    ("CORS_CREDENTIALS", " TRUE ", True),
    ("HTTPS_ONLY", " True ", True),
    ("HSTS_SECONDS", " 31536000 ", 31_536_000),
    ("OTEL_SERVICE_NAME", "other", "other"),
    ("OTEL_TRACES_EXPORTER", "none", "none"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", "http://collector:4318"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/t", "http://collector:4318/t"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "gzip"),
    ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "deflate", "deflate"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500", 2500),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1000", 1000),
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
    "diagnostics_token": None,
    "drain_seconds": 5,
    "graceful_seconds": 20,
    "slo_availability": 0.999,
    "slo_latency": 0.99,
    "slo_latency_seconds": 0.25,
    "trust_remote_parent": False,
    "trusted_proxies": (),
    "trusted_hosts": (),
    "cors_origins": (),
    "cors_credentials": False,
    "https_only": False,
    "hsts_seconds": 0,
    "accept_baggage": False,
    "accept_deadline": False,
    "rate_limits": "report",
    "otel_service_name": "",
    "otel_exporter_otlp_endpoint": None,
    "otel_traces_sampler": "parentbased_traceidratio",
    "otel_traces_sampler_arg": 1,
}

BAD_HOSTS = (
    "https://api.example",
    "api.example:8000",
    "api.*",
    "**.example",
    "a b",
    "a/b",
    "u@a",
    "-a",
    "a,*x",
)
BAD_ORIGINS = (
    "app.example",
    "https://app.example/path",
    "https://u@app.example",
    "https://*.app.example",
    "ftp://app.example",
    "https://app.example?a",
    "null",
    "a b",
)

# variable, text, what the sentence says that it must be
BAD = [
    ("PORT", "http", "integer"),
    ("PORT", "-1", "greater than or equal to 0"),
    ("PORT", "65536", "less than or equal to 65535"),
    ("MANAGEMENT_PORT", "9464.5", "integer"),
    ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ("LOG_FORMAT", "xml", "'auto', 'json' or 'console'"),
    ("DIAGNOSTICS_TOKEN", "hunter2", "at least 32 characters"),
    ("DIAGNOSTICS_TOKEN", f"{'f' * 32} f", "letters, digits and punctuation"),
    ("DIAGNOSTICS_TOKEN", "é" * 32, "letters, digits and punctuation"),
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
    ("TRUST_REMOTE_PARENT", "perhaps", "true or false"),
    ("ACCEPT_BAGGAGE", "2", "true or false"),
    ("RATE_LIMITS", "maybe", "'on', 'report' or 'off'"),
    ("SLO_LATENCY_SECONDS", "0.3", "a bucket of the latency histogram"),
    *(("TRUSTED_HOSTS", text, "a list of host names without a port") for text in BAD_HOSTS),
    *(("CORS_ORIGINS", text, "a list of origins, such as https://app.example.com") for text in BAD_ORIGINS),
    ("CORS_CREDENTIALS", "some", "true or false"),
    ("HTTPS_ONLY", "443", "true or false"),
    ("HSTS_SECONDS", "-1", "greater than or equal to 0"),
    ("HSTS_SECONDS", "1y", "integer"),
]


@pytest.mark.parametrize(("environment", "mode"), [("development", "report"), ("staging", "on"), ("production", "on")])
def test_rate_limits_only_report_in_development(monkeypatch: pytest.MonkeyPatch, environment: str, mode: str) -> None:
    """There all requests come from one address."""
    monkeypatch.setenv("ENVIRONMENT", environment)

    assert load(Settings).rate_limits == mode


@pytest.mark.parametrize(("variable", "text", "value"), GIVEN, ids=[variable for variable, *_ in GIVEN])
def test_each_variable_is_read(monkeypatch: pytest.MonkeyPatch, variable: str, text: str, value: object) -> None:
    """The environment sets the value."""
    monkeypatch.setenv(variable, text)

    assert getattr(load(Settings), variable.lower()) == value


def test_the_defaults_are_enough_to_start() -> None:
    """With an empty environment."""
    settings = load(Settings)

    assert {name: getattr(settings, name) for name in DEFAULTS} == DEFAULTS
    assert not settings.exports("traces")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests and compose files set variables without a value to nothing."""
    defaults = load(Settings)
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")

    assert load(Settings) == defaults


def test_settings_are_frozen(settings: Settings) -> None:
    """The service runs with the settings that it was started with."""
    for name in Settings.model_fields:
        with pytest.raises(ValidationError):
            setattr(settings, name, getattr(settings, name))


def test_management_listens_where_the_service_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """`HOST` is for both ports; `MANAGEMENT_HOST` is for one."""
    monkeypatch.setenv("HOST", "::")
    assert load(Settings).management_host == "::"

    monkeypatch.setenv("MANAGEMENT_HOST", "::1")
    assert load(Settings).management_host == "::1"


def test_traces_are_exported_only_to_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either endpoint turns the export on; `none` turns it off."""
    for endpoint in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        with monkeypatch.context() as patch:
            patch.setenv(endpoint, "http://collector:4318")
            assert load(Settings).exports("traces")
            patch.setenv("OTEL_TRACES_EXPORTER", "none")
            assert not load(Settings).exports("traces")


@pytest.mark.parametrize(("variable", "text", "demand"), BAD, ids=[f"{name}={text}" for name, text, _ in BAD])
def test_a_bad_value_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, demand: str
) -> None:
    """The sentence names the variable and what it must be."""
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError) as refused:
        load(Settings)

    sentence = str(refused.value)
    assert sentence.startswith(f"{variable} must ")
    assert demand in sentence
    assert not {"\n", ";"} & set(sentence)  # nothing else was wrong


def test_credentials_are_never_allowed_to_all_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page could then act for every user."""
    monkeypatch.setenv("CORS_CREDENTIALS", "true")
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example, *")

    with pytest.raises(SettingsError) as refused:
        load(Settings)

    assert str(refused.value) == "CORS_ORIGINS must be a list of origins, not *, because CORS_CREDENTIALS is true"


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start shows all of them."""
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("DRAIN_SECONDS", "-1")

    with pytest.raises(SettingsError) as refused:
        load(Settings)

    sentence = str(refused.value)
    assert all(f"{name} must " in sentence for name in ("PORT", "LOG_LEVEL", "DRAIN_SECONDS"))
    assert "\n" not in sentence


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the sentence nor the printed settings contain the key."""
    monkeypatch.setenv("SENTRY_DSN", "hunter2")
    with pytest.raises(SettingsError, match="SENTRY_DSN") as refused:
        load(Settings)
    assert "hunter2" not in str(refused.value)

    monkeypatch.setenv("SENTRY_DSN", DSN)
    assert "hunter2" not in f"{load(Settings)!r} {load(Settings)}"


def _refused(value: object) -> object:
    if value == {}:
        return value
    msg = "must be a list of name=url"
    raise ValueError(msg)


def _repeated(value: str) -> str:
    msg = f"must not be {value}"
    raise ValueError(msg)


class SecretSettings(BaseSettings):
    """Secrets by type and by name, and a field that must be set."""

    stamp: SecretStr = Field(SecretStr(""), min_length=20)
    printer_token: str = Field("", max_length=1)
    scales: int


def test_no_secret_of_a_team_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a field of a secret's type, nor one with a secret's name, nor all values when one is missing."""
    monkeypatch.setenv("STAMP", "hunter2")
    monkeypatch.setenv("PRINTER_TOKEN", "hunter2")

    with pytest.raises(SettingsError) as refused:
        load(SecretSettings)

    assert "hunter2" not in str(refused.value)
    assert [sentence.split()[0] for sentence in str(refused.value).split("; ")] == ["STAMP", "PRINTER_TOKEN", "SCALES"]


class WordedSettings(BaseSettings):
    """Types whose messages pydantic words in its own way, and rules of a team."""

    database: PostgresDsn = Field(PostgresDsn("postgres://db/links"), validation_alias="DATABASE_URL")
    stamp: SecretStr = Field(SecretStr("x" * 20), min_length=20)
    code: str = Field("abc", max_length=3)
    peers: Annotated[dict[str, str], NoDecode, BeforeValidator(_refused)] = {}
    pass_phrase: Annotated[str, AfterValidator(_repeated)] = ""


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@db/x", "DATABASE_URL must be a URL whose scheme is 'postgres', "),
        ("STAMP", "hunter2", "STAMP must have at least 20 characters"),
        ("CODE", "abcd", "CODE must have at most 3 characters, not 'abcd'"),
        ("PEERS", "name", "PEERS must be a list of name=url"),
        ("PASS_PHRASE", "hunter2", "PASS_PHRASE must not be REDACTED"),
    ],
)
def test_a_sentence_says_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, sentence: str
) -> None:
    """In the same words, whatever the type, and without the value of a secret."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError) as refused:
        load(WordedSettings)
    assert sentence in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("10.0.0.0/8, proxy.example", "10.0.0.0/8,192.0.2.7,fd00::/8, not 'proxy.example'"),
        ("10.0.0.1/8", "not '10.0.0.1/8', whose network is 10.0.0.0/8"),
    ],
)
def test_the_network_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, text: str, sentence: str) -> None:
    """It may be one of many."""
    monkeypatch.setenv("TRUSTED_PROXIES", text)
    with pytest.raises(SettingsError, match=r"^TRUSTED_PROXIES must ") as refused:
        load(Settings)
    assert str(refused.value).endswith(sentence)


def test_the_two_ports_differ() -> None:
    """Unless they are on different hosts, or any free ones."""
    same: dict[str, Any] = {"port": 9464, "management_port": 9464}
    pairs: tuple[dict[str, Any], ...] = ({}, {"host": "0.0.0.0", "management_host": "127.0.0.1"})  # noqa: S104 - compared
    for hosts in pairs:
        with pytest.raises(SettingsError, match=r"^MANAGEMENT_PORT must be another port than PORT, which is 9464 as"):
            Settings(**same, **hosts).verify_ports()
    Settings(**same, host="10.0.0.7", management_host="127.0.0.1").verify_ports()
    Settings(port=0, management_port=0).verify_ports()


class ListSettings(BaseSettings):
    """A field of more than one value."""

    model_config = SettingsConfigDict(env_prefix="scales_")

    lanes: list[int] = []


def test_a_list_that_is_not_json_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, as for any other value."""
    monkeypatch.setenv("SCALES_LANES", "1,2")

    with pytest.raises(SettingsError, match=r"^SCALES_LANES must be JSON$"):
        load(ListSettings)


class PairSettings(BaseSettings):
    """Two values that must fit together."""

    smallest: int = 1
    largest: int = 0

    @model_validator(mode="after")
    def fit(self) -> Self:
        """A rule about two fields."""
        if self.smallest > self.largest:
            msg = "SMALLEST must not be above LARGEST"
            raise ValueError(msg)
        return self


def test_values_that_do_not_fit_together_are_refused() -> None:
    """A rule about several variables names them itself."""
    with pytest.raises(SettingsError, match=r"^SMALLEST must not be above LARGEST"):
        load(PairSettings)


IDENTITY = Identity(
    name="scales",
    version="1.2.3",
    defaults={"slo_availability": 0.99, "slo_latency": 0.95, "slo_latency_seconds": 0.5},
    management_ports={"web": 9500, "worker": 9501},
)


def test_the_identity_gives_the_defaults() -> None:
    """The answers of the service replace the defaults of the class."""
    settings = load_for(Settings, IDENTITY, 9464)

    assert (settings.slo_availability, settings.slo_latency, settings.slo_latency_seconds) == (0.99, 0.95, 0.5)
    assert settings.drain_seconds == Settings.model_fields["drain_seconds"].default


def test_the_environment_replaces_a_default_of_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment may have another objective and another port."""
    monkeypatch.setenv("SLO_AVAILABILITY", "0.9995")
    monkeypatch.setenv("MANAGEMENT_PORT", "9600")
    monkeypatch.setenv("SLO_LATENCY", "")  # as if it were not set

    settings = load_for(Settings, IDENTITY, 9464)

    assert (settings.slo_availability, settings.management_port, settings.slo_latency) == (0.9995, 9600, 0.95)


@pytest.mark.parametrize(("process", "port"), [("web", 9500), ("worker", 9501), ("sender", 9502)])
def test_each_kind_of_process_has_its_management_port(process: str, port: int) -> None:
    """Two kinds of process on one host do not take the same port; one of the team gets the next free one."""

    async def work(_: Surroundings[Any]) -> None:
        """Nothing to do."""

    processes = {"worker": Process(work, "Work."), "sender": Process(work, "Send.")}
    team = Component(name="team", settings=NoSettings, open=nothing, processes=processes)
    service = Service(identity=IDENTITY, components=[team])
    assert load_for(Settings, IDENTITY, service.management_ports[process]).management_port == port


def test_a_bad_default_of_the_identity_is_refused() -> None:
    """The answers are checked as the environment is."""
    identity = Identity(name="scales", version="1.2.3", defaults={"slo_availability": 99.9})

    with pytest.raises(SettingsError, match=r"^SLO_AVAILABILITY must be a ratio below 1"):
        load_for(Settings, identity, 9464)


class TeamSettings(Settings):
    """The settings of a service with two fields of its team."""

    parcels: int = Field(10, ge=1)
    printer_url: str


def test_a_team_adds_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read as those of the runtime, without a prefix, and the identity's defaults apply."""
    monkeypatch.setenv("PRINTER_URL", "http://printer")

    settings = load_for(TeamSettings, IDENTITY, 9501)

    assert (settings.parcels, settings.printer_url) == (10, "http://printer")
    assert (settings.management_port, settings.slo_availability) == (9501, 0.99)


def test_a_handler_gets_the_settings_of_its_service(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The instance that the application was made with, of the team's type."""
    monkeypatch.setenv("PRINTER_URL", "http://printer")
    settings = load_for(TeamSettings, IDENTITY, 9464).model_copy(update={"management_port": 0})
    found: list[Settings] = []

    async def endpoint(request: Request) -> Response:
        found.append(TeamSettings.of(request))
        return Response()

    service = Service(identity=IDENTITY, settings=TeamSettings, routes=[Route("/", endpoint)])
    with TestClient(create_app(settings, service, log_sink=lines)) as client:
        client.get("/")

    assert found == [settings]
    assert found[0] is settings


def test_bad_values_of_team_and_runtime_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field without a default is named as well when it is missing."""
    monkeypatch.setenv("PARCELS", "0")
    monkeypatch.setenv("PORT", "http")

    with pytest.raises(SettingsError) as refused:
        load_for(TeamSettings, IDENTITY, 9464)

    sentence = str(refused.value)
    assert "PARCELS must be greater than or equal to 1, not '0'" in sentence
    assert "PORT must be a valid integer" in sentence
    assert "PRINTER_URL must be set" in sentence
    assert sentence.count(";") == 2
    assert "\n" not in sentence
