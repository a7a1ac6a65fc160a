"""The settings that every service has."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from starlette.requests import HTTPConnection

from ..errors import SettingsError
from ..identity import ENVIRONMENT_NAME, MANAGEMENT_PORT
from ..text import Shown
from .console_token import LOOPBACK, ConsoleToken, is_installed
from .hosts import ALL, Hosts
from .networks import Networks
from .objectives import Ratio, Threshold
from .opentelemetry import OpenTelemetrySettings
from .origins import Origins
from .public_url import PublicUrl
from .signing_key import SHORTEST_KEY, SigningKey
from .source import Environment

DAY_SECONDS = 86_400
MAX_HSTS_SECONDS = 730 * DAY_SECONDS

DEVELOPMENT = "development"  # the environment of a service without one


def _is_dsn(dsn: SecretStr) -> SecretStr:
    scheme, _, rest = dsn.get_secret_value().partition("://")
    key, at, host_and_project = rest.partition("@")
    if scheme not in {"http", "https"} or not (key and at and host_and_project.rpartition("/")[2].isdigit()):
        msg = "must look like https://<key>@<host>/<project number>"
        raise ValueError(msg)
    return dsn


def _is_token(token: SecretStr) -> SecretStr:
    value = token.get_secret_value()
    if len(value) < SHORTEST_KEY or not (value.isascii() and value.isprintable()) or " " in value:
        msg = f"must be a random text of at least {SHORTEST_KEY} characters: letters, digits and punctuation of ASCII"
        raise ValueError(msg)
    return token


def _level(name: object) -> object:
    """Accept `warn` for `warning`."""
    return "warning" if isinstance(name, str) and name.lower() == "warn" else name


def _environment(data: dict[str, Any]) -> str:
    return dict(data.get("otel_resource_attributes", ())).get(ENVIRONMENT_NAME) or DEVELOPMENT


def _rate_limits(data: dict[str, Any]) -> Literal["on", "report"]:
    """A developer's load tests come from one address."""
    return "report" if data.get("environment") == DEVELOPMENT else "on"


Port = Annotated[int, Field(ge=0, le=65535)]
Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_level)]


class Settings(OpenTelemetrySettings):
    """The settings that every service has. The variable of a field is its name in upper case.

    Durations are in seconds, sizes in bytes. The constructor raises pydantic's `ValidationError`; at the start of a
    process, a bad value is one sentence.
    """

    host: str = "127.0.0.1"
    port: Port = 8000
    management_host: str = Field(default_factory=lambda data: data.get("host", "127.0.0.1"))
    management_port: Port = MANAGEMENT_PORT
    trusted_proxies: Networks = ()
    public_url: PublicUrl | None = None
    signing_key: SigningKey | None = None
    trusted_hosts: Hosts = ()
    cors_origins: Origins = ()
    cors_credentials: bool = False
    https_only: bool = False
    hsts_seconds: int = Field(0, ge=0, le=MAX_HSTS_SECONDS)
    environment: Shown = Field(default_factory=_environment, min_length=1)
    revision: Shown = "unknown"
    log_level: Level = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    sentry_dsn: Annotated[SecretStr, AfterValidator(_is_dsn)] | None = None
    diagnostics_token: Annotated[SecretStr, AfterValidator(_is_token)] | None = None
    drain_seconds: float = Field(5, ge=0, le=DAY_SECONDS, allow_inf_nan=False)
    graceful_seconds: int = Field(20, ge=1, le=DAY_SECONDS)
    max_body_bytes: int = Field(1_048_576, ge=0)
    shed_seconds: float = Field(1, ge=0, le=DAY_SECONDS, allow_inf_nan=False)
    handler_seconds: float = Field(30, ge=0, le=DAY_SECONDS, allow_inf_nan=False)
    max_head_bytes: int = Field(65_536, ge=1024)
    max_connections: int = Field(2048, ge=1)
    head_seconds: float = Field(10, gt=0, le=DAY_SECONDS, allow_inf_nan=False)
    body_seconds: float = Field(20, gt=0, le=DAY_SECONDS, allow_inf_nan=False)
    write_seconds: float = Field(20, gt=0, le=DAY_SECONDS, allow_inf_nan=False)
    keep_alive_seconds: float = Field(75, gt=0, le=DAY_SECONDS, allow_inf_nan=False)
    telemetry_bytes: int = Field(16_777_216, ge=1_048_576)
    idempotency_seconds: float = Field(600, gt=0, le=30 * DAY_SECONDS, allow_inf_nan=False)
    idempotency_max_keys: int = Field(50_000, ge=1)
    idempotency_max_bytes: int = Field(33_554_432, ge=1_048_576)
    idempotency_max_response_bytes: int = Field(65_536, ge=1024)
    slo_availability: Ratio = 0.999
    slo_latency: Ratio = 0.99
    slo_latency_seconds: Threshold = 0.25
    trust_remote_parent: bool = False
    accept_baggage: bool = False
    accept_deadline: bool = False
    api_docs: bool = True
    rate_limits: Literal["on", "report", "off"] = Field(default_factory=_rate_limits)
    console: bool = False
    console_token: ConsoleToken | None = None

    @model_validator(mode="after")
    def _credentials_need_origins(self) -> Self:
        if self.cors_credentials and ALL in self.cors_origins:
            msg = "CORS_ORIGINS must be a list of origins, not *, because CORS_CREDENTIALS is true"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _console_is_local(self) -> Self:
        if self.console and self.management_host not in LOOPBACK:
            msg = f"CONSOLE must be false unless MANAGEMENT_HOST is one of {', '.join(LOOPBACK)}"
            raise ValueError(msg)
        if self.console and not is_installed():
            msg = "CONSOLE must be false here, because images leave the console out; use `make run`"
            raise ValueError(msg)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - replaced by our own source
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments of the constructor take precedence over the environment."""
        return init_settings, Environment(settings_cls), dotenv_settings, file_secret_settings

    def verify_ports(self) -> None:
        """Raise `SettingsError` where the process that serves requests would listen twice on one port."""
        everywhere = {"0.0.0.0", "::"}  # noqa: S104 - compared, not listened on
        same_host = self.host == self.management_host or everywhere & {self.host, self.management_host}
        if self.port and self.port == self.management_port and same_host:
            msg = f"MANAGEMENT_PORT must be another port than PORT, which is {self.port} as well"
            raise SettingsError(msg)

    @classmethod
    def of(cls, connection: HTTPConnection) -> Self:
        """The settings of the service that serves this request or websocket, with their type."""
        settings = connection.scope["state"]["settings"]
        assert isinstance(settings, cls)
        return settings
