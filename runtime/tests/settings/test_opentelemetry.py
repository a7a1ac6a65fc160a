"""OpenTelemetry's variables: each is honoured, or ignored with one warning; none of them stops the start."""

import re
from pathlib import Path

import opentelemetry.environment_variables
import opentelemetry.sdk.environment_variables
import pytest
from hypothesis import given, settings, strategies
from opentelemetry.exporter.otlp.proto import http

from firstlight import Settings
from firstlight.settings import load
from firstlight.settings.complaints import complaints, read
from firstlight.settings.ignored import IGNORED, OF_THE_SERVER
from firstlight.settings.values import NO_LIMIT_MILLISECONDS
from firstlight.settings.variables import BY_FIELD, HONOURED, Variable

KNOWN = {variable.name: variable for variable in (*HONOURED, *IGNORED)}
SECRET = "s3cr3t"  # noqa: S105 - a value to look for

# variable, text, value of the setting
GIVEN = [
    ("OTEL_SDK_DISABLED", " True ", True),
    ("OTEL_SDK_DISABLED", "false", False),
    ("OTEL_SERVICE_NAME", " pay ments ", "pay ments"),
    (
        "OTEL_RESOURCE_ATTRIBUTES",
        " service.name = pay%20ments%2Ceu ,a=b=c, ,d=",
        (("service.name", "pay ments,eu"), ("a", "b=c"), ("d", "")),
    ),
    ("OTEL_PROPAGATORS", "tracecontext, baggage", "tracecontext,baggage"),
    ("OTEL_PROPAGATORS", "Baggage,baggage", "baggage"),
    ("OTEL_PROPAGATORS", "none", "none"),
    ("OTEL_TRACES_SAMPLER", "ALWAYS_OFF", "always_off"),
    ("OTEL_TRACES_SAMPLER_ARG", " 1e-2 ", 0.01),
    ("OTEL_TRACES_EXPORTER", "NONE", "none"),
    ("OTEL_LOGS_EXPORTER", "none", "none"),
    ("OTEL_METRICS_EXPORTER", "prometheus", "none"),
    ("OTEL_METRICS_EXPORTER", "Prometheus,none", "none"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", " http://[::1]:4318 ", "http://[::1]:4318"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "HTTP/protobuf", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "GZIP", "gzip"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "10000", 10_000),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", NO_LIMIT_MILLISECONDS),
    ("OTEL_BSP_EXPORT_TIMEOUT", "0", NO_LIMIT_MILLISECONDS),
    ("OTEL_BSP_SCHEDULE_DELAY", "0", 0),
    ("OTEL_BSP_MAX_QUEUE_SIZE", " 5 ", 5),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0", 0),
    ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET, get ,BREW", "GET,get,BREW"),
]
BAD = [
    ("OTEL_SDK_DISABLED", "1"),
    ("OTEL_SERVICE_NAME", "a\udcff"),
    ("OTEL_SERVICE_NAME", "a\nb"),
    ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,b"),
    ("OTEL_RESOURCE_ATTRIBUTES", "service.name=%ff"),
    ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a%00"),
    ("OTEL_RESOURCE_ATTRIBUTES", "=a"),
    ("OTEL_PROPAGATORS", "b3"),
    ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
    ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
    ("OTEL_TRACES_SAMPLER_ARG", "-0.1"),
    ("OTEL_TRACES_SAMPLER_ARG", "nan"),
    ("OTEL_TRACES_SAMPLER_ARG", "."),
    ("OTEL_TRACES_EXPORTER", "console"),
    ("OTEL_LOGS_EXPORTER", "console"),
    ("OTEL_METRICS_EXPORTER", "console"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:x"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "//collector"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "2.5"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
    ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
    ("OTEL_BSP_SCHEDULE_DELAY", "9" * 5000),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1"),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1_000"),
    ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET POST"),
    ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", ","),
]


def test_every_variable_of_the_sdk_is_in_a_table() -> None:
    """A new release of it may have new ones."""
    sources = [opentelemetry.environment_variables, opentelemetry.sdk.environment_variables, http]
    texts = [Path(module.__file__ or "").read_text("utf-8") for module in sources]
    named = {name for text in texts for name in re.findall(r"\bOTEL_[A-Z_]+[A-Z]\b", text)}

    assert len(named) > 90
    assert named - KNOWN.keys() == set()


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    """What is honoured is a field, by its name."""
    assert {name for name in Settings.model_fields if name.startswith("otel_")} == BY_FIELD.keys()
    assert len(KNOWN) == len(HONOURED) + len(IGNORED)


@pytest.mark.parametrize(("variable", "text", "value"), GIVEN, ids=[f"{name}={text}" for name, text, _ in GIVEN])
def test_a_value_is_read_as_specified(variable: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces and letter case do not matter; the same from code and from the environment."""
    monkeypatch.setenv(variable, text)

    assert getattr(load(Settings), variable.lower()) == getattr(Settings(), variable.lower()) == value
    assert list(complaints({variable: text})) == []


@pytest.mark.parametrize(("variable", "text"), BAD, ids=[f"{name}={text[:20]}" for name, text in BAD])
def test_a_bad_value_is_as_if_it_were_not_set(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one warning, which names it and says what it must be."""
    unset = Settings()
    monkeypatch.setenv(variable, text)

    assert Settings() == load(Settings) == unset
    (complaint,) = complaints({variable: text})
    assert complaint.variable == variable
    assert complaint.reason.startswith("must be ")
    assert len(complaint.reason) < 300


@pytest.mark.parametrize("variable", HONOURED, ids=[variable.name for variable in HONOURED])
@given(
    text=strategies.text(max_size=20) | strategies.from_regex(r"[-+0-9.e_ ]{1,8}|\w+=[%\w, ;=]{0,9}", fullmatch=True)
)
@settings(max_examples=30, deadline=None)
def test_whatever_a_variable_holds_there_are_settings(variable: Variable, text: str) -> None:
    """The value is one that the settings take, or there is none."""
    value = read(variable, text.strip())

    if value is not None:
        Settings(**{variable.name.lower(): value})  # type: ignore[arg-type] # of whatever type
    assert len(list(complaints({variable.name: text}))) <= 1


@pytest.mark.parametrize("variable", [*IGNORED, *OF_THE_SERVER], ids=lambda variable: variable.name)
def test_what_is_ignored_is_one_warning(variable: Variable) -> None:
    """It says what happens instead, and does not repeat the value; what asks for just that is no reason to warn."""
    (complaint,) = complaints({variable.name: SECRET})

    assert complaint.variable == variable.name
    assert complaint.instead
    assert SECRET not in str(complaint)
    assert [found for value in variable.agrees for found in complaints({variable.name: value.upper()})] == []


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OTEL_EXPORTER_OTLP_HEADERS", f"X-Team:{SECRET}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"a=b,x=a%0d%0a{SECRET}"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", f"host={SECRET}"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"ftp://user:{SECRET}@collector"),
        ("OTEL_RESOURCE_ATTRIBUTES", SECRET),
    ],
)
def test_a_secret_is_not_repeated(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the warning nor by the settings that are printed."""
    monkeypatch.setenv(variable, text)
    (complaint,) = complaints({variable: text})

    assert SECRET not in f"{complaint} {Settings()!r}"


def test_a_part_of_a_list_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of it is used."""
    monkeypatch.setenv("OTEL_PROPAGATORS", "b3, tracecontext,xray")
    (complaint,) = complaints({"OTEL_PROPAGATORS": "b3, tracecontext,xray"})

    assert Settings().otel_propagators == "tracecontext"
    assert complaint.instead == "the rest of it is used"


def test_nothing_is_exported_where_grpc_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint would not understand; the warning says what to set. The variable for traces comes first."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    environment = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}

    assert not Settings().exports("traces")
    (complaint,) = complaints(environment)
    assert "nothing is exported" in complaint.instead
    assert "http/protobuf" in complaint.instead
    assert "4318" in complaint.instead

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
    assert Settings().exports("traces")
    assert list(complaints({**environment, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"})) == []


ON = {
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "prometheus,otlp",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
}
ONLY_WITH = {
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": ("OTEL_LOGS_EXPORTER", "http://collector:4318/in"),
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": ("OTEL_LOGS_EXPORTER", "100"),
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS": ("OTEL_METRICS_EXPORTER", "a=b"),
    "OTEL_METRIC_EXPORT_INTERVAL": ("OTEL_METRICS_EXPORTER", "10000"),
}


def test_logs_and_metrics_are_exported_only_where_a_variable_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint alone is for traces, as it always was. `OTEL_SDK_DISABLED` switches everything off."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    assert [Settings().exports(signal) for signal in ("traces", "logs", "metrics")] == [True, False, False]
    for name, value in ON.items():
        monkeypatch.setenv(name, value)
    assert [Settings().exports(signal) for signal in ("traces", "logs", "metrics")] == [True] * 3
    assert list(complaints(ON)) == []
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert [Settings().exports(signal) for signal in ("traces", "logs", "metrics")] == [False] * 3


@pytest.mark.parametrize("variable", ONLY_WITH)
def test_a_variable_of_a_signal_that_is_off_is_one_warning(variable: str) -> None:
    """It names the variable that switches the signal on. Then there is none."""
    exporter, value = ONLY_WITH[variable]
    (complaint,) = complaints({variable: value})
    assert (complaint.variable, complaint.reason) == (variable, f"has an effect only with {exporter}=otlp")
    assert complaint.instead
    assert list(complaints({**ON, variable: value})) == []


@pytest.mark.parametrize("signal", ["LOGS", "METRICS"])
def test_a_signal_without_an_endpoint_is_one_warning(signal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which variables would name one."""
    monkeypatch.setenv(f"OTEL_{signal}_EXPORTER", "otlp")
    (complaint,) = complaints({f"OTEL_{signal}_EXPORTER": "otlp"})
    assert (complaint.variable, f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT" in complaint.reason) == (
        f"OTEL_{signal}_EXPORTER",
        True,
    )
    assert not Settings().exports("logs")
    assert not Settings().exports("metrics")


def test_a_general_variable_is_overruled_only_for_all_signals_that_are_on() -> None:
    """One that has no value of its own uses the general one."""
    environment = {**ON, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}
    (complaint,) = complaints(environment)
    assert complaint.variable == "OTEL_EXPORTER_OTLP_PROTOCOL"
    own = {f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL": "http/protobuf" for signal in ("LOGS", "METRICS")}
    assert list(complaints({**environment, **own})) == []


def test_a_misspelt_name_is_one_warning() -> None:
    """It would be ignored in silence. Names of other libraries are theirs."""
    others = {"OTEL_PYTHON_DJANGO_EXCLUDED_URLS": "x", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME": "x", "OTEL_NODE_IP": "x"}
    (complaint,) = complaints({"OTEL_TRACE_SAMPLER_ARG": "0.1", **others})

    assert complaint.variable == "OTEL_TRACE_SAMPLER_ARG"
    assert "OTEL_TRACES_SAMPLER_ARG" in complaint.reason


@pytest.mark.parametrize(
    ("environment", "queue"),
    [
        ({"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2049"}, 2048),
        ({"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "11", "OTEL_BSP_MAX_QUEUE_SIZE": "10"}, 10),
        ({**ON, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "2049"}, 2048),
    ],
)
def test_an_export_larger_than_the_queue_is_one_warning(environment: dict[str, str], queue: int) -> None:
    """It cannot happen, so the size of the queue counts; a small queue alone is no fault."""
    (complaint,) = complaints(environment)
    of_queue = complaint.variable.replace("EXPORT_BATCH", "QUEUE")
    assert complaint.variable.endswith("_MAX_EXPORT_BATCH_SIZE")
    assert complaint.reason.startswith(f"must be at most {of_queue}, which is {queue}, not ")
    assert complaint.instead == f"it is {queue}"


def test_a_batch_that_fits_is_no_fault() -> None:
    """The defaults are those of the settings."""
    assert list(complaints({"OTEL_BSP_MAX_QUEUE_SIZE": "10"})) == []
    defaults = load(Settings)
    assert defaults.otel_bsp_max_queue_size == defaults.otel_blrp_max_queue_size == 2048
    assert list(complaints({"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2048"})) == []
