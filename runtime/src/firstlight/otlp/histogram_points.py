"""Histograms as points of OTLP: the same buckets, sums and exemplars as on `/metrics`."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import inf, isfinite

from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from prometheus_client.samples import Sample

from .number_points import CUMULATIVE, Period, by_labels, exemplars, pairs


def histogram(name: str, samples: Iterable[Sample], period: Period) -> pb.Histogram:
    """A cumulative histogram with a point for each label set."""
    points = [_point(name, labels, group, period) for labels, group in by_labels(samples, "le")]
    return pb.Histogram(data_points=points, aggregation_temporality=CUMULATIVE)


def _point(name: str, labels: Mapping[str, str], samples: list[Sample], period: Period) -> pb.HistogramDataPoint:
    """Each bucket of `/metrics` has the observations of those below it as well; here it has its own alone."""
    buckets = [sample for sample in samples if sample.name == f"{name}_bucket"]
    ends = [float(sample.labels["le"]) for sample in buckets]
    below = [0, *(round(sample.value) for sample in buckets)]
    total = [sample.value for sample in samples if sample.name == f"{name}_sum"]
    if not ends or ends[-1] != inf:
        msg = f"the last bucket of {name} has a limit"
        raise ValueError(msg)
    return pb.HistogramDataPoint(
        attributes=pairs(labels),
        start_time_unix_nano=period.start,
        time_unix_nano=period.now,
        count=below[-1],
        sum=float(total[0]) if total else None,
        bucket_counts=[after - before for before, after in pairwise(below)],
        explicit_bounds=[end for end in ends if isfinite(end)],
        exemplars=exemplars((sample.exemplar for sample in buckets), period),
    )
