"""Counters, gauges and summaries as points of OTLP."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from prometheus_client.samples import Exemplar, Sample

from ..traces.unrecorded_span import TRACE_DIGITS

CUMULATIVE = pb.AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_TRACE_ID = "trace_id"


class Period(NamedTuple):
    """The times of an export, in nanoseconds since the epoch."""

    start: int
    """When the counters began at zero."""
    last: int
    """When the points of the last export were taken."""
    now: int


def pairs(labels: Mapping[str, str]) -> list[KeyValue]:
    """Labels as attributes. An empty label is an absent one, as it is for Prometheus."""
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in labels.items() if value]


def exemplars(found: Iterable[Exemplar | None], period: Period) -> list[pb.Exemplar]:
    """The exemplars that are new since the last export."""
    return [
        _exemplar(each)
        for each in found
        if each is not None and (each.timestamp is None or float(each.timestamp) * 1e9 > period.last)
    ]


def _exemplar(exemplar: Exemplar) -> pb.Exemplar:
    labels = dict(exemplar.labels)
    trace_id = labels.pop(_TRACE_ID, "")
    is_an_id = len(trace_id) == TRACE_DIGITS and all(character in "0123456789abcdef" for character in trace_id)
    if trace_id and not is_an_id:
        labels[_TRACE_ID] = trace_id
    return pb.Exemplar(
        as_double=float(exemplar.value),
        time_unix_nano=round(float(exemplar.timestamp or 0) * 1e9),
        trace_id=bytes.fromhex(trace_id) if is_an_id else b"",
        filtered_attributes=pairs(labels),
    )


def counter(samples: Iterable[Sample], period: Period) -> pb.Sum:
    """A sum that only grows, with a point for each label set."""
    points = [
        pb.NumberDataPoint(
            attributes=pairs(sample.labels),
            start_time_unix_nano=period.start,
            time_unix_nano=period.now,
            as_double=float(sample.value),
            exemplars=exemplars((sample.exemplar,), period),
        )
        for sample in samples
    ]
    return pb.Sum(data_points=points, aggregation_temporality=CUMULATIVE, is_monotonic=True)


def gauge(samples: Iterable[Sample], period: Period) -> pb.Gauge:
    """A gauge with a point for each label set."""
    points = [
        pb.NumberDataPoint(attributes=pairs(sample.labels), time_unix_nano=period.now, as_double=float(sample.value))
        for sample in samples
    ]
    return pb.Gauge(data_points=points)


def by_labels(samples: Iterable[Sample], without: str) -> Iterable[tuple[Mapping[str, str], list[Sample]]]:
    """The samples of each label set. The label `without` tells its buckets or quantiles apart. They are neighbours."""

    def labels(sample: Sample) -> Mapping[str, str]:
        return {key: value for key, value in sample.labels.items() if key != without}

    return ((key, list(group)) for key, group in groupby(samples, labels))


def summary(name: str, samples: Iterable[Sample], period: Period) -> pb.Summary:
    """A summary with a point for each label set."""
    return pb.Summary(
        data_points=[
            pb.SummaryDataPoint(
                attributes=pairs(labels),
                start_time_unix_nano=period.start,
                time_unix_nano=period.now,
                count=round(next((sample.value for sample in group if sample.name == f"{name}_count"), 0)),
                sum=float(next((sample.value for sample in group if sample.name == f"{name}_sum"), 0)),
                quantile_values=[
                    pb.SummaryDataPoint.ValueAtQuantile(quantile=float(sample.labels["quantile"]), value=sample.value)
                    for sample in group
                    if sample.name == name
                ],
            )
            for labels, group in by_labels(samples, "quantile")
        ]
    )
