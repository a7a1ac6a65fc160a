"""The settings that OpenTelemetry specifies, under its names. A bad value in the environment counts as unset."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ..identity import SERVICE_NAME
from ..text import Shown
from . import values
from .variables import Sampler

Count = Annotated[int, Field(ge=0)]
Compression = Literal["none", "gzip", "deflate"]
Protocol = Literal["http/protobuf", "grpc"]
Exporter = Literal["otlp", "none"]
Signal = Literal["traces", "logs", "metrics"]


def _pairs(value: object) -> object:
    """Convert a mapping into pairs, so that settings can be compared and hashed."""
    given = values.pairs(value) if isinstance(value, str) else value
    return tuple(given.items()) if isinstance(given, Mapping) else given


Attributes = Annotated[tuple[tuple[str, str], ...], NoDecode, BeforeValidator(_pairs)]
Endpoint = Annotated[str, AfterValidator(values.url)]


class OpenTelemetrySettings(BaseSettings):
    """`OTEL_*`. Durations are in milliseconds. `variables.py` defines how the environment is read."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    otel_sdk_disabled: bool = False
    otel_resource_attributes: Attributes = ()
    otel_service_name: Shown = ""
    otel_propagators: str = "tracecontext,baggage"
    otel_traces_sampler: Sampler = "parentbased_traceidratio"
    otel_traces_sampler_arg: float = Field(1.0, ge=0, le=1)
    otel_traces_exporter: Exporter = "otlp"
    otel_logs_exporter: Exporter = "none"
    otel_metrics_exporter: Exporter = "none"
    otel_exporter_otlp_endpoint: Endpoint | None = None
    otel_exporter_otlp_traces_endpoint: Endpoint | None = None
    otel_exporter_otlp_logs_endpoint: Endpoint | None = None
    otel_exporter_otlp_metrics_endpoint: Endpoint | None = None
    otel_exporter_otlp_protocol: Protocol = "http/protobuf"
    otel_exporter_otlp_traces_protocol: Protocol | None = None
    otel_exporter_otlp_logs_protocol: Protocol | None = None
    otel_exporter_otlp_metrics_protocol: Protocol | None = None
    otel_exporter_otlp_headers: SecretStr = SecretStr("")
    otel_exporter_otlp_traces_headers: SecretStr | None = None
    otel_exporter_otlp_logs_headers: SecretStr | None = None
    otel_exporter_otlp_metrics_headers: SecretStr | None = None
    otel_exporter_otlp_compression: Compression = "none"
    otel_exporter_otlp_traces_compression: Compression | None = None
    otel_exporter_otlp_logs_compression: Compression | None = None
    otel_exporter_otlp_metrics_compression: Compression | None = None
    otel_exporter_otlp_timeout: int = Field(10_000, ge=1)
    otel_exporter_otlp_traces_timeout: int | None = Field(None, ge=1)
    otel_exporter_otlp_logs_timeout: int | None = Field(None, ge=1)
    otel_exporter_otlp_metrics_timeout: int | None = Field(None, ge=1)
    otel_exporter_otlp_certificate: str = ""
    otel_exporter_otlp_traces_certificate: str | None = None
    otel_exporter_otlp_logs_certificate: str | None = None
    otel_exporter_otlp_metrics_certificate: str | None = None
    otel_exporter_otlp_client_certificate: str = ""
    otel_exporter_otlp_traces_client_certificate: str | None = None
    otel_exporter_otlp_logs_client_certificate: str | None = None
    otel_exporter_otlp_metrics_client_certificate: str | None = None
    otel_exporter_otlp_client_key: str = ""
    otel_exporter_otlp_traces_client_key: str | None = None
    otel_exporter_otlp_logs_client_key: str | None = None
    otel_exporter_otlp_metrics_client_key: str | None = None
    otel_bsp_schedule_delay: int = Field(5000, ge=0)
    otel_bsp_export_timeout: int = Field(30_000, ge=1)
    otel_bsp_max_queue_size: int = Field(2048, ge=1)
    otel_bsp_max_export_batch_size: int = Field(512, ge=1)
    otel_blrp_schedule_delay: int = Field(1000, ge=0)
    otel_blrp_export_timeout: int = Field(30_000, ge=1)
    otel_blrp_max_queue_size: int = Field(2048, ge=1)
    otel_blrp_max_export_batch_size: int = Field(512, ge=1)
    otel_metric_export_interval: int = Field(60_000, ge=1)
    otel_metric_export_timeout: int = Field(30_000, ge=1)
    otel_attribute_count_limit: Count = 128
    otel_attribute_value_length_limit: Count | None = None
    otel_span_attribute_count_limit: Count | None = None
    otel_span_attribute_value_length_limit: Count | None = None
    otel_span_event_count_limit: Count = 128
    otel_span_link_count_limit: Count = 128
    otel_event_attribute_count_limit: Count | None = None
    otel_link_attribute_count_limit: Count | None = None
    otel_instrumentation_http_known_methods: str = "CONNECT,DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,QUERY,TRACE"

    def own(self, name: str, signal: Signal) -> Any:
        """An option of the exporter of one signal, such as `timeout`, or None if it is not set for that signal."""
        return getattr(self, f"otel_exporter_otlp_{signal}_{name}")

    def otlp(self, name: str, signal: Signal) -> Any:
        """An option of the exporter: that of the signal if it is set, else the general one."""
        own = self.own(name, signal)
        return getattr(self, f"otel_exporter_otlp_{name}") if own is None else own

    def exports(self, signal: Signal) -> bool:
        """Whether a signal is exported: it is wanted, an endpoint is set, and its protocol is supported."""
        wanted = getattr(self, f"otel_{signal}_exporter") == "otlp" and not self.otel_sdk_disabled
        return wanted and self.otlp("endpoint", signal) is not None and self.otlp("protocol", signal) != "grpc"

    def export_milliseconds(self, signal: Signal) -> int:
        """The time for one export with all its attempts."""
        limits = {
            "traces": self.otel_bsp_export_timeout,
            "logs": self.otel_blrp_export_timeout,
            "metrics": self.otel_metric_export_timeout,
        }
        return int(min(self.otlp("timeout", signal), limits[signal]))

    @property
    def known_methods(self) -> frozenset[str]:
        """The HTTP methods that are label values. All others become `_OTHER`."""
        return frozenset(self.otel_instrumentation_http_known_methods.split(","))

    @property
    def resource_attributes(self) -> Mapping[str, str]:
        """The attributes of `OTEL_RESOURCE_ATTRIBUTES`."""
        return dict(self.otel_resource_attributes)

    @property
    def service_name(self) -> str:
        """`OTEL_SERVICE_NAME`, else `service.name` of `OTEL_RESOURCE_ATTRIBUTES`, else an empty text."""
        return self.otel_service_name or self.resource_attributes.get(SERVICE_NAME, "")
