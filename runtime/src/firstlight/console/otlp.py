"""The spans and the log lines of the buffer as OTLP in JSON, for a viewer or a collector."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..identity import ENVIRONMENT_NAME, INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION
from ..logs.record_fields import SEVERITIES, attributes, nanoseconds
from ..service import Service
from ..settings import Settings
from .lines import Lines
from .matching import Wanted
from .spans import Recorded, Spans

_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_STATUSES = {"unset": 0, "ok": 1, "error": 2}


def exported(service: Service, settings: Settings, spans: Spans, lines: Lines) -> Mapping[str, Any]:
    """`{"traces": {"resourceSpans": ...}, "logs": {"resourceLogs": ...}}`."""
    identity = service.identity
    resource = {
        "attributes": _attributes(
            {
                SERVICE_NAME: identity.name,
                SERVICE_VERSION: identity.version,
                INSTANCE_ID: identity.instance,
                ENVIRONMENT_NAME: settings.environment,
            }
        )
    }
    scope = {"name": identity.name, "version": identity.version}
    records = [_record(each["line"]) for each in lines.find(Wanted(limit=2**31))["items"]]
    shown = [_span(span) for _, span in spans.recorded()]
    return {
        "traces": {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": shown}]}]},
        "logs": {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": records}]}]},
    }


def _span(span: Recorded) -> Mapping[str, Any]:
    shown = span.shown(span.start)
    return {
        "traceId": span.trace_id,
        "spanId": shown["span_id"],
        **({"parentSpanId": shown["parent_id"]} if shown["parent_id"] else {}),
        "name": shown["name"],
        "kind": _KINDS[span.kind],
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(shown["attributes"]),
        "events": [
            {"name": event["name"], "timeUnixNano": str(at), "attributes": _attributes(event["attributes"])}
            for event, (_, at, _) in zip(shown["events"], span.events, strict=True)
        ],
        "status": {"code": _STATUSES[span.status]},
    }


def _record(line: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "timeUnixNano": str(nanoseconds(line)),
        "severityNumber": SEVERITIES.get(line["level"], 0),
        "severityText": line["level"],
        "body": {"stringValue": line["event"]},
        "attributes": _attributes(attributes(line)),
        **({"traceId": line["trace_id"]} if line.get("trace_id") else {}),
        **({"spanId": line["span_id"]} if line.get("span_id") else {}),
    }


def _attributes(values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: Any) -> Mapping[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list() | tuple():
            return {"arrayValue": {"values": [*map(_value, value)]}}
        case Mapping():
            return {"kvlistValue": {"values": _attributes(value)}}
        case _:
            return {"stringValue": str(value)}
