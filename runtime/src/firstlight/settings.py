"""Every setting of the service, read once from the environment and frozen.

A bad value stops the start: `load` raises one `SettingsError` that names each variable and what it must be.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError
from starlette.requests import HTTPConnection

from .errors import SettingsError
from .identity import Identity
from .metrics.instruments import LATENCY_BUCKETS_SECONDS
from .refusals import sentence, variable

FASTEST_BURN_RATE = 14.4  # the P1 tier: 2 % of a 30 day budget in an hour (Google SRE workbook, chapter 5)
PROPAGATORS = frozenset({"tracecontext", "baggage", "none"})


def can_alert(objective: float) -> float:
    """The objective itself. Raises `ValueError` for one that no rule could alert on."""
    if not (0 < objective < 1 and FASTEST_BURN_RATE * (1 - objective) < 1):
        msg = f"must be a ratio below 1 and above {1 - 1 / FASTEST_BURN_RATE:.4f}, or its fastest alert cannot fire"
        raise ValueError(msg)
    return objective


def _is_dsn(dsn: SecretStr) -> SecretStr:
    scheme, _, rest = dsn.get_secret_value().partition("://")
    key, at, host_and_project = rest.partition("@")
    if scheme not in {"http", "https"} or not (key and at and host_and_project.rpartition("/")[2].isdigit()):
        msg = "must look like https://<key>@<host>/<project number>"
        raise ValueError(msg)
    return dsn


def _is_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        msg = "must be a URL that starts with http:// or https://"
        raise ValueError(msg)
    return url


def _are_propagators(names: str) -> str:
    if not PROPAGATORS.issuperset(names.split(",")):
        msg = f"must be a list of {', '.join(sorted(PROPAGATORS))}"
        raise ValueError(msg)
    return names


def is_bucket(seconds: float) -> float:
    """The threshold itself. Raises `ValueError` for one between the buckets of the latency histogram."""
    if seconds not in LATENCY_BUCKETS_SECONDS:
        buckets = ", ".join(map(str, LATENCY_BUCKETS_SECONDS))
        msg = f"must be a bucket of the latency histogram ({buckets})"
        raise ValueError(msg)
    return seconds


Ratio = Annotated[float, AfterValidator(can_alert)]
Threshold = Annotated[float, AfterValidator(is_bucket)]
Endpoint = Annotated[str, AfterValidator(_is_url)]
Port = Annotated[int, Field(ge=0, le=65535)]
Compression = Literal["none", "gzip", "deflate"]
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]


class Settings(BaseSettings):
    """The environment, typed. Field names are the variables' names in lower case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: Port = 8000
    management_host: str = Field(default_factory=lambda data: data.get("host", "127.0.0.1"))
    management_port: Port = 9464
    environment: str = Field("development", min_length=1)
    revision: str = "unknown"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    sentry_dsn: Annotated[SecretStr, AfterValidator(_is_dsn)] | None = None
    drain_seconds: float = Field(5, ge=0, allow_inf_nan=False)
    graceful_seconds: int = Field(20, ge=1)
    max_body_bytes: int = Field(1_048_576, ge=0)
    shed_seconds: float = Field(1, ge=0, allow_inf_nan=False)
    max_head_bytes: int = Field(65_536, ge=1024)
    max_connections: int = Field(2048, ge=1)
    head_seconds: float = Field(10, gt=0, allow_inf_nan=False)
    body_seconds: float = Field(20, gt=0, allow_inf_nan=False)
    write_seconds: float = Field(20, gt=0, allow_inf_nan=False)
    keep_alive_seconds: float = Field(75, gt=0, allow_inf_nan=False)
    telemetry_bytes: int = Field(16_777_216, ge=1_048_576)
    slo_availability: Ratio = 0.999
    slo_latency: Ratio = 0.99
    slo_latency_seconds: Threshold = 0.25
    trust_remote_parent: bool = True
    accept_baggage: bool = False

    # As OpenTelemetry specifies them. The exporter reads its own from the environment: here they are only checked.
    otel_sdk_disabled: bool = False
    otel_resource_attributes: str = ""
    otel_service_name: str = ""
    otel_traces_exporter: Literal["otlp", "none"] = "otlp"
    otel_exporter_otlp_endpoint: Endpoint | None = None
    otel_exporter_otlp_traces_endpoint: Endpoint | None = None
    otel_exporter_otlp_protocol: Literal["http/protobuf"] = "http/protobuf"
    otel_exporter_otlp_traces_protocol: Literal["http/protobuf"] = "http/protobuf"
    otel_exporter_otlp_compression: Compression = "none"
    otel_exporter_otlp_traces_compression: Compression = "none"
    otel_exporter_otlp_timeout: float = Field(10, gt=0)  # seconds
    otel_exporter_otlp_traces_timeout: float = Field(10, gt=0)  # seconds
    otel_propagators: Annotated[str, AfterValidator(_are_propagators)] = "tracecontext,baggage"
    otel_traces_sampler: Sampler = "parentbased_traceidratio"
    otel_traces_sampler_arg: float = Field(1.0, ge=0, le=1)
    otel_bsp_max_queue_size: int = Field(2048, ge=1)
    otel_bsp_max_export_batch_size: int = Field(512, ge=1)
    otel_bsp_schedule_delay: int = Field(5000, ge=1)  # milliseconds
    otel_instrumentation_http_known_methods: str = "CONNECT,DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,QUERY,TRACE"

    @classmethod
    def of(cls, connection: HTTPConnection) -> Self:
        """The settings of the service that serves this request or websocket."""
        settings = connection.scope["state"]["settings"]
        assert isinstance(settings, cls)
        return settings

    @property
    def known_methods(self) -> frozenset[str]:
        """The verbs that are labels; every other one is `_OTHER`."""
        return frozenset(self.otel_instrumentation_http_known_methods.split(","))

    @property
    def service_name(self) -> str:
        """`OTEL_SERVICE_NAME`, or `service.name` of `OTEL_RESOURCE_ATTRIBUTES`; empty where neither is set."""
        pairs = (pair.partition("=") for pair in self.otel_resource_attributes.split(","))
        attributes = {key.strip(): value.strip() for key, _, value in pairs}
        return self.otel_service_name or attributes.get("service.name", "")

    @property
    def exports_traces(self) -> bool:
        """Spans leave the process only when there is somewhere to send them."""
        endpoint = self.otel_exporter_otlp_traces_endpoint or self.otel_exporter_otlp_endpoint
        return self.otel_traces_exporter == "otlp" and endpoint is not None


AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def load(kind: type[AnySettings], defaults: Mapping[str, Any] | None = None) -> AnySettings:
    """Read `kind` from the environment; `defaults` stand in for the class's own. Raises `SettingsError`."""
    try:
        return kind(**{**(defaults or {}), **EnvSettingsSource(kind)()})
    except ValidationError as error:
        details = [detail for detail in error.errors() if detail["type"] != "default_factory_not_called"]
        raise SettingsError("; ".join(sentence(kind, detail) for detail in details)) from None
    except UnreadableError as error:
        field = str(error).split('"')[1]
        msg = f"{variable(kind, field)} must be JSON"
        raise SettingsError(msg) from None


def load_for(kind: type[AnySettings], identity: Identity, management_port: int) -> AnySettings:
    """Read the service's settings for a process whose management port is this by default. Raises `SettingsError`."""
    return load(kind, {**identity.defaults, "management_port": management_port})
