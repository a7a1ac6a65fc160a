"""Ignored variables of OpenTelemetry and of uvicorn: what happens instead, and values that cause no warning."""

from collections.abc import Iterator

from .variables import Variable

LOGS = "log lines go to standard output"
METRICS = "metrics are scraped from the management port"
ONE_EXPORTER = "spans are exported by OTLP alone"
OTLP_HTTP = "spans are exported by OTLP over HTTP, without plug-ins"
INSTRUMENTED = "the runtime instruments the service"
_OFF = frozenset({"false"})


def _all(prefix: str, names: tuple[str, ...], instead: str) -> Iterator[Variable]:
    return (Variable(f"{prefix}{name}", instead) for name in names)


IGNORED = (
    Variable("OTEL_LOG_LEVEL", "`LOG_LEVEL` is the level of every line", agrees=frozenset({"info"})),
    Variable("OTEL_CONFIG_FILE", "the environment is the only configuration"),
    Variable("OTEL_EXPERIMENTAL_CONFIG_FILE", "the environment is the only configuration"),
    Variable("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "`OTEL_RESOURCE_ATTRIBUTES` adds resource attributes"),
    Variable("OTEL_METRICS_EXEMPLAR_FILTER", "exemplars name sampled traces", agrees=frozenset({"trace_based"})),
    Variable("OTEL_EXPORTER_PROMETHEUS_HOST", "`MANAGEMENT_HOST` is where metrics are scraped"),
    Variable("OTEL_EXPORTER_PROMETHEUS_PORT", "`MANAGEMENT_PORT` is where metrics are scraped"),
    Variable(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "counters and histograms are cumulative",
        agrees=frozenset({"cumulative"}),
    ),
    Variable(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "histograms have the buckets of `/metrics`",
        agrees=frozenset({"explicit_bucket_histogram"}),
    ),
    *_all(
        "OTEL_LOGRECORD_",
        ("ATTRIBUTE_COUNT_LIMIT", "ATTRIBUTE_VALUE_LENGTH_LIMIT"),
        "a line has at most 64 KiB and 100 fields",
    ),
    *_all(
        "OTEL_EXPORTER_OTLP_",
        ("INSECURE", "TRACES_INSECURE", "LOGS_INSECURE", "METRICS_INSECURE", "SPAN_INSECURE", "METRIC_INSECURE"),
        "the scheme of the endpoint decides, http or https",
    ),
    *_all("OTEL_EXPORTER_ZIPKIN_", ("ENDPOINT", "TIMEOUT", "PROTOCOL"), ONE_EXPORTER),
    *_all(
        "OTEL_EXPORTER_JAEGER_",
        ("AGENT_HOST", "AGENT_PORT", "ENDPOINT", "PROTOCOL", "TIMEOUT", "USER", "PASSWORD"),
        ONE_EXPORTER,
    ),
    Variable("OTEL_PYTHON_CONTEXT", "contexts are context variables", agrees=frozenset({"contextvars_context"})),
    Variable("OTEL_PYTHON_ID_GENERATOR", "ids are random", agrees=frozenset({"random"})),
    *_all("OTEL_PYTHON_", ("TRACER_PROVIDER", "TRACER_CONFIGURATOR"), "the runtime brings the tracer provider"),
    *_all("OTEL_PYTHON_", ("METER_PROVIDER", "METER_CONFIGURATOR"), METRICS),
    *_all("OTEL_PYTHON_", ("LOGGER_PROVIDER", "LOGGER_CONFIGURATOR"), LOGS),
    Variable("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "`telemetry_dropped_total` counts what is lost", agrees=_OFF),
    Variable("OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", INSTRUMENTED, agrees=_OFF),
    Variable("OTEL_PYTHON_LOG_CORRELATION", "every line of a request has its ids", agrees=frozenset({"true"})),
    *_all("OTEL_PYTHON_", ("CONFIGURATOR", "DISTRO", "DISABLED_INSTRUMENTATIONS"), INSTRUMENTED),
    *_all(
        "OTEL_PYTHON_EXPORTER_OTLP_",
        (
            *(f"{how}_{signal}CREDENTIAL_PROVIDER" for how in ("HTTP", "GRPC") for signal in ("", "TRACES_")),
            "GRPC_RETRYABLE_ERROR_CODES",
        ),
        OTLP_HTTP,
    ),
    *_all("OTEL_PYTHON_EXPORTER_OTLP_", ("HTTP_LOGS_CREDENTIAL_PROVIDER", "GRPC_LOGS_CREDENTIAL_PROVIDER"), LOGS),
    *_all(
        "OTEL_PYTHON_EXPORTER_OTLP_", ("HTTP_METRICS_CREDENTIAL_PROVIDER", "GRPC_METRICS_CREDENTIAL_PROVIDER"), METRICS
    ),
    Variable("OTEL_SEMCONV_STABILITY_OPT_IN", "names are those of the stable conventions", agrees=frozenset({"http"})),
)
# Variables that uvicorn would read.
OF_THE_SERVER = (
    Variable("FORWARDED_ALLOW_IPS", "`TRUSTED_PROXIES` names the proxies that are believed"),
    Variable("WEB_CONCURRENCY", "one process is one instance: run more of them", agrees=frozenset({"1"})),
)
