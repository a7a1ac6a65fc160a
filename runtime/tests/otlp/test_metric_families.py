"""The registry becomes metrics of OTLP with the numbers, names and labels of `/metrics`."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client.core import Metric, UnknownMetricFamily

from firstlight import Settings
from firstlight.metrics.counts import Counts
from firstlight.metrics.durations import Durations
from firstlight.otlp.metric_families import MetricEncoder
from firstlight.otlp.number_points import Period
from firstlight.otlp.resource import ProcessResource

from ..faults import IDENTITY

START, NOW = 10**18, 10**18 + 60 * 10**9
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def registry() -> CollectorRegistry:
    """An empty one."""
    return CollectorRegistry()


def exported(families: Iterable[Metric], last: int = 0) -> Mapping[str, pb.Metric]:
    """The metrics by name."""
    failed: list[str] = []
    encoder = MetricEncoder(
        ProcessResource(Settings(), IDENTITY), InstrumentationScope(), lambda name, _: failed.append(name)
    )
    body, points = encoder.encode(families, Period(START, last, NOW))
    (of_resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    found = {each.name: each for each in of_resource.scope_metrics[0].metrics}
    assert points == sum(len(getattr(each, each.WhichOneof("data") or "").data_points) for each in found.values())
    return {**found, **{name: pb.Metric(name="failed") for name in failed}}


def labels(point: Any) -> Mapping[str, str]:
    """The attributes of a point."""
    return {each.key: each.value.string_value for each in point.attributes}


@pytest.mark.parametrize("kind", ["ours", "of the library"])
def test_a_counter_is_a_cumulative_monotonic_sum(registry: CollectorRegistry, kind: str) -> None:
    """With the start of the process. An empty label is left out."""
    names = ("outcome", "route")
    made: Any = (
        Counts("events", "Seen.", names, registry)
        if kind == "ours"
        else Counter("events", "Seen.", names, registry=registry)
    )
    made.labels("good", "/a").inc(3)
    made.labels("bad", "").inc()
    metric = exported(registry.collect())["events_total"]
    assert (metric.description, metric.unit) == ("Seen.", "")
    assert metric.sum.is_monotonic
    assert metric.sum.aggregation_temporality == pb.AGGREGATION_TEMPORALITY_CUMULATIVE
    assert [(labels(point), point.as_double) for point in metric.sum.data_points] == [
        ({"outcome": "good", "route": "/a"}, 3),
        ({"outcome": "bad"}, 1),
    ]
    assert {(point.start_time_unix_nano, point.time_unix_nano) for point in metric.sum.data_points} == {(START, NOW)}


@pytest.mark.parametrize("kind", ["ours", "of the library"])
def test_a_histogram_keeps_its_buckets(registry: CollectorRegistry, kind: str) -> None:
    """Each bucket has its own observations alone; the exemplar names its trace."""
    bounds = (0.1, 0.5)
    if kind == "ours":
        ours = Durations("wait_seconds", "Waited.", ("route",), buckets=bounds, registry=registry)
        for seconds in (0.05, 0.3, 0.3, 9):
            ours.labels("/a").observe(seconds, TRACE_ID if seconds == 9 else "")
        ours.labels("/b").observe(0.05)
    else:
        theirs = Histogram("wait_seconds", "Waited.", ("route",), buckets=bounds, registry=registry)
        for seconds in (0.05, 0.3, 0.3, 9):
            theirs.labels("/a").observe(seconds, {"trace_id": TRACE_ID} if seconds == 9 else None)
        theirs.labels("/b").observe(0.05)
    metric = exported(registry.collect())["wait_seconds"]
    first, second = metric.histogram.data_points
    assert metric.unit == "s"
    assert metric.histogram.aggregation_temporality == pb.AGGREGATION_TEMPORALITY_CUMULATIVE
    assert (labels(first), list(first.explicit_bounds), list(first.bucket_counts)) == (
        {"route": "/a"},
        [0.1, 0.5],
        [1, 2, 1],
    )
    assert (first.count, first.sum, first.start_time_unix_nano) == (4, 9.65, START)
    (exemplar,) = first.exemplars
    assert (exemplar.trace_id.hex(), exemplar.as_double) == (TRACE_ID, 9)
    assert (labels(second), list(second.bucket_counts), second.count) == ({"route": "/b"}, [1, 0, 0], 1)


def test_an_exemplar_is_sent_once(registry: CollectorRegistry) -> None:
    """The registry keeps the last one of each bucket; an old one says nothing about this interval."""
    made = Durations("wait_seconds", "Waited.", (), buckets=(1.0,), registry=registry)
    made.labels().observe(0.5, TRACE_ID)
    assert exported(registry.collect(), 0)["wait_seconds"].histogram.data_points[0].exemplars
    assert not exported(registry.collect(), time.time_ns())["wait_seconds"].histogram.data_points[0].exemplars


def test_exemplars_of_the_team_keep_their_labels(registry: CollectorRegistry) -> None:
    """A `trace_id` that is none is a label like others."""
    Counter("paid", "Paid.", registry=registry).inc(1, {"trace_id": "none", "order": "7"})
    (exemplar,) = exported(registry.collect())["paid_total"].sum.data_points[0].exemplars
    assert (exemplar.trace_id, {each.key: each.value.string_value for each in exemplar.filtered_attributes}) == (
        b"",
        {"trace_id": "none", "order": "7"},
    )


def test_other_types_are_gauges_and_summaries(registry: CollectorRegistry) -> None:
    """By the names of their samples."""
    Gauge("memory_bytes", "Held.", registry=registry).set(7)
    Info("cpu", "Which.", registry=registry).info({"model": "a"})
    Enum("state", "Now.", states=["up", "down"], registry=registry).state("down")
    Summary("size", "Sizes.", registry=registry).observe(4)
    unknown = UnknownMetricFamily("odd", "Odd.", value=1)
    found = exported([*registry.collect(), unknown])
    assert (found["memory_bytes"].gauge.data_points[0].as_double, found["memory_bytes"].unit) == (7, "By")
    assert labels(found["cpu_info"].gauge.data_points[0]) == {"model": "a"}
    assert [(labels(each)["state"], each.as_double) for each in found["state"].gauge.data_points] == [
        ("up", 0),
        ("down", 1),
    ]
    assert (found["size"].summary.data_points[0].count, found["size"].summary.data_points[0].sum) == (1, 4)
    assert found["odd"].gauge.data_points[0].as_double == 1


def test_a_family_that_cannot_be_encoded_does_not_stop_the_others(registry: CollectorRegistry) -> None:
    """It is reported by its name."""
    broken = Metric("broken", "A histogram whose last bucket has a limit.", "histogram")
    broken.add_sample("broken_bucket", {"le": "1"}, 1)
    Gauge("fine", "Fine.", registry=registry).set(1)
    found = exported([broken, *registry.collect()])
    assert (found["broken"].name, found["fine"].gauge.data_points[0].as_double) == ("failed", 1)


def test_a_family_without_samples_is_left_out(registry: CollectorRegistry) -> None:
    """An empty metric is not valid."""
    Counts("events", "Seen.", ("outcome",), registry)
    assert exported(registry.collect()) == {}
