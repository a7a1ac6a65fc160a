"""All environment variables of OpenTelemetry that apply to a service. Each is honoured, or ignored with one warning.

`docs/settings.md` of a service shows these tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from .values import (
    Partly,
    Reader,
    boolean,
    choice,
    choices,
    methods,
    metrics,
    pairs,
    ratio,
    secret_headers,
    text,
    timeout,
    url,
    whole,
)

GRPC = (
    "grpc is not spoken, and nothing is exported; set http/protobuf, and as endpoint the collector's receiver for "
    "HTTP, whose port is 4318 by default"
)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable."""

    name: str
    says: str
    """What it sets, or, for an ignored variable, what happens instead."""
    read: Reader | None = None
    """The parser of its value. None for an ignored variable."""
    hidden: bool = False
    """Whether its value may contain a secret."""
    agrees: frozenset[str] = frozenset()
    """Values of an ignored variable that agree with what happens: they cause no warning."""


def protocol(value: str) -> object:
    """A protocol. `grpc` is accepted as a value, but then nothing is sent, because it is not supported."""
    chosen = choice("http/protobuf", "grpc")(value)
    return Partly(chosen, GRPC) if chosen == "grpc" else chosen


SIGNALS = ("TRACES", "LOGS", "METRICS")


def _exporter(name: str, says: str, read: Reader, *, hidden: bool = False) -> tuple[Variable, ...]:
    general = f"OTEL_EXPORTER_OTLP_{name}"
    own = (f"OTEL_EXPORTER_OTLP_{signal}_{name}" for signal in SIGNALS)
    before = f"the same, and comes before `{general}`"
    return (Variable(general, says, read, hidden), *(Variable(each, before, read, hidden) for each in own))


Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]
SAMPLERS: tuple[str, ...] = get_args(Sampler)
HONOURED = (
    Variable("OTEL_SDK_DISABLED", "`true`: no spans at all, and no export", boolean),
    Variable("OTEL_SERVICE_NAME", "`service.name`", text),
    Variable(
        "OTEL_RESOURCE_ATTRIBUTES", "resource attributes: `key=value,key=value`, percent-encoded", pairs, hidden=True
    ),
    Variable(
        "OTEL_PROPAGATORS", "a list of `tracecontext`, `baggage`, `none`", choices("tracecontext", "baggage", "none")
    ),
    Variable("OTEL_TRACES_SAMPLER", f"one of {', '.join(f'`{name}`' for name in SAMPLERS)}", choice(*SAMPLERS)),
    Variable("OTEL_TRACES_SAMPLER_ARG", "the ratio of traces that are kept, also when no sampler is named", ratio),
    Variable("OTEL_TRACES_EXPORTER", "`otlp` or `none`", choices("otlp", "none")),
    Variable("OTEL_LOGS_EXPORTER", "`otlp`: log lines are exported as well; `none`", choices("otlp", "none")),
    Variable(
        "OTEL_METRICS_EXPORTER", "`otlp`: metrics are exported as well; `prometheus` and `none` add nothing", metrics
    ),
    *_exporter(
        "ENDPOINT",
        "where telemetry goes; `/v1/traces`, `/v1/logs` or `/v1/metrics` is added to this one alone",
        url,
        hidden=True,
    ),
    *_exporter("PROTOCOL", "`http/protobuf`; with `grpc` nothing is exported", protocol),
    *_exporter(
        "HEADERS", "headers of each export: `name=value,name=value`, percent-encoded", secret_headers, hidden=True
    ),
    *_exporter("COMPRESSION", "`none`, `gzip` or `deflate`", choice("none", "gzip", "deflate")),
    *_exporter("TIMEOUT", "milliseconds for one export with all its attempts; `0` is no limit", timeout),
    *_exporter("CERTIFICATE", "file of the certificates that are trusted", text),
    *_exporter("CLIENT_CERTIFICATE", "file of the certificate that is shown", text),
    *_exporter("CLIENT_KEY", "file of its key", text),
    Variable("OTEL_BSP_SCHEDULE_DELAY", "milliseconds between two exports of spans; `0`: at once", whole(0)),
    Variable(
        "OTEL_BSP_EXPORT_TIMEOUT", "milliseconds for one export, if the exporter's timeout is not shorter", timeout
    ),
    Variable("OTEL_BSP_MAX_QUEUE_SIZE", "spans that wait", whole(1)),
    Variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "spans of one export, at most the size of the queue", whole(1)),
    Variable("OTEL_BLRP_SCHEDULE_DELAY", "milliseconds between two exports of log lines; `0`: at once", whole(0)),
    Variable(
        "OTEL_BLRP_EXPORT_TIMEOUT", "milliseconds for one export, if the exporter's timeout is not shorter", timeout
    ),
    Variable("OTEL_BLRP_MAX_QUEUE_SIZE", "log lines that wait", whole(1)),
    Variable("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "log lines of one export, at most the size of the queue", whole(1)),
    Variable("OTEL_METRIC_EXPORT_INTERVAL", "milliseconds between two exports of metrics", whole(1)),
    Variable(
        "OTEL_METRIC_EXPORT_TIMEOUT", "milliseconds for one export, if the exporter's timeout is not shorter", timeout
    ),
    Variable("OTEL_ATTRIBUTE_COUNT_LIMIT", "attributes of a span, an event or a link", whole(0)),
    Variable("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "characters of a value", whole(0)),
    Variable("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "attributes of a span", whole(0)),
    Variable("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "characters of a value of a span", whole(0)),
    Variable("OTEL_SPAN_EVENT_COUNT_LIMIT", "events of a span", whole(0)),
    Variable("OTEL_SPAN_LINK_COUNT_LIMIT", "links of a span", whole(0)),
    Variable("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "attributes of an event", whole(0)),
    Variable("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "attributes of a link", whole(0)),
    Variable("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "HTTP methods that are labels; others are `_OTHER`", methods),
)
BY_FIELD: Mapping[str, Variable] = {variable.name.lower(): variable for variable in HONOURED}
