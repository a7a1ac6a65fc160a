"""A log line becomes a record with the same fields."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings, strategies
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber

from firstlight import Settings
from firstlight.metrics.instruments import REGISTRY
from firstlight.otlp.log_records import LogEncoder, record
from firstlight.otlp.resource import ProcessResource

from ..faults import IDENTITY

LINE = {
    "timestamp": "2026-11-27T20:15:00.123456Z",
    "level": "warning",
    "event": "order.paid",
    "service": "acme",
    "version": "1",
    "env": "test",
    "request_id": "r",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
}
TRACE_ID, SPAN_ID = bytes.fromhex(str(LINE["trace_id"])), bytes.fromhex(str(LINE["span_id"]))
ENCODER = LogEncoder(ProcessResource(Settings(), IDENTITY), InstrumentationScope(name="acme"))
JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers(-(2**63), 2**64 - 1)
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text(strategies.characters(exclude_categories=["Cs"])),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text("ab."), inner),
    max_leaves=8,
)


def plain(value: AnyValue) -> Any:
    """The value as a receiver reads it."""
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [plain(each) for each in value.array_value.values]
        case "kvlist_value":
            return {each.key: plain(each.value) for each in value.kvlist_value.values}
        case kind:
            return getattr(value, kind)


def test_what_every_line_has_is_in_its_place() -> None:
    """Time, severity, event and ids; name, version and environment are those of the resource."""
    found = record(LINE)
    assert found.time_unix_nano == found.observed_time_unix_nano == 1795810500123456000
    assert (found.severity_number, found.severity_text) == (SeverityNumber.SEVERITY_NUMBER_WARN, "warning")
    assert (found.event_name, plain(found.body)) == ("order.paid", "order.paid")
    assert (found.trace_id, found.span_id) == (TRACE_ID, SPAN_ID)
    assert [(each.key, plain(each.value)) for each in found.attributes] == [("request_id", "r")]


def test_a_line_without_ids_is_a_record_without_ids() -> None:
    """Such as those of the start."""
    found = record({key: value for key, value in LINE.items() if not key.endswith("_id")})
    assert (found.trace_id, found.span_id, len(found.attributes)) == (b"", b"", 0)


@given(value=JSON)
@settings(max_examples=60, deadline=None)
def test_fields_keep_their_type(value: Any) -> None:
    """Also nested ones. An integer beyond those of the format is text; what is null is left out."""

    def expected(of: Any) -> Any:
        match of:
            case bool() | float():
                return of
            case int():
                return of if of < 2**63 else str(of)
            case list():
                return [expected(each) for each in of]
            case dict():
                return {key: expected(each) for key, each in of.items() if each is not None}
        return of

    found = record(orjson.loads(orjson.dumps({**LINE, "field": value})))
    attributes = {each.key: plain(each.value) for each in found.attributes}
    assert attributes.get("field") == expected(value)
    assert type(attributes.get("field")) is type(expected(value))


@pytest.mark.parametrize("line", [b"not json\n", b"[]\n", b'{"level": "info"}\n'])
def test_a_line_that_cannot_be_read_does_not_stop_the_others(line: bytes) -> None:
    """It is counted."""
    labels = {"signal": "logs", "reason": "not_rendered"}
    before = REGISTRY.get_sample_value("telemetry_dropped_total", labels) or 0
    message = ExportLogsServiceRequest.FromString(ENCODER.encode([line, orjson.dumps(LINE)]))
    (record_,) = message.resource_logs[0].scope_logs[0].log_records
    assert record_.event_name == "order.paid"
    assert REGISTRY.get_sample_value("telemetry_dropped_total", labels) == before + 1
