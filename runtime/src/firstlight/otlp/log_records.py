"""Log lines as records of OTLP. A record has the fields of its line, with the names that they have there."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from ..logs.record_fields import SEVERITIES, attributes, nanoseconds
from ..metrics.instruments import LOGS_NOT_RENDERED
from .resource import ProcessResource

_LARGEST = 2**63  # of the integers of the format


class LogEncoder:
    """Encodes batches of lines."""

    def __init__(self, resource: ProcessResource, scope: InstrumentationScope) -> None:
        """All records are of this resource and of this scope."""
        self._resource, self._scope = resource, scope

    def encode(self, lines: Sequence[bytes]) -> bytes:
        """A serialized `ExportLogsServiceRequest`. A line that cannot be read is counted, and left out."""
        request = ExportLogsServiceRequest()
        of_resource = request.resource_logs.add()
        of_resource.resource.CopyFrom(self._resource.current())
        of_scope = of_resource.scope_logs.add()
        of_scope.scope.CopyFrom(self._scope)
        for line in lines:
            try:
                found = record(orjson.loads(line))
            except Exception:  # noqa: BLE001 - so that the rest of the batch is sent
                LOGS_NOT_RENDERED.inc()
            else:
                of_scope.log_records.append(found)
        return bytes(request.SerializeToString())


def record(line: Mapping[str, Any]) -> LogRecord:
    """The record of a line. Its body and the name of the event are the line's `event`."""
    at = nanoseconds(line)
    return LogRecord(
        time_unix_nano=at,
        observed_time_unix_nano=at,
        severity_number=SEVERITIES.get(line["level"], 0),  # type: ignore[arg-type] # the number of the enumeration
        severity_text=line["level"],
        body=AnyValue(string_value=line["event"]),
        event_name=line["event"],
        attributes=_pairs(attributes(line)),
        trace_id=bytes.fromhex(line.get("trace_id") or ""),
        span_id=bytes.fromhex(line.get("span_id") or ""),
    )


def _pairs(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items() if value is not None]


def _value(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int() if -_LARGEST <= value < _LARGEST:
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(_value, value)))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=_pairs(value)))
    return AnyValue() if value is None else AnyValue(string_value=str(value))
