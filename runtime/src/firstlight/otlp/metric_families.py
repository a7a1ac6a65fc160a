"""The families of the registry as metrics of OTLP. Names and labels are those of `/metrics`."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from prometheus_client.metrics_core import Metric as Family

from .histogram_points import histogram
from .number_points import Period, counter, gauge, summary
from .resource import ProcessResource

_UNITS = {"seconds": "s", "bytes": "By", "ratio": "1"}

Failed = Callable[[str, BaseException], None]


class MetricEncoder:
    """Encodes the state of a registry."""

    def __init__(self, resource: ProcessResource, scope: InstrumentationScope, failed: Failed) -> None:
        """All metrics are of this resource and scope. `failed` gets the name of a family that cannot be encoded."""
        self._resource, self._scope, self._failed = resource, scope, failed

    def encode(self, families: Iterable[Family], period: Period) -> tuple[bytes, int]:
        """A serialized `ExportMetricsServiceRequest`, and the number of its points."""
        request = ExportMetricsServiceRequest()
        of_resource = request.resource_metrics.add()
        of_resource.resource.CopyFrom(self._resource.current())
        of_scope = of_resource.scope_metrics.add()
        of_scope.scope.CopyFrom(self._scope)
        for family in families:
            try:
                of_scope.metrics.extend(metrics(family, period))
            except Exception as error:  # noqa: BLE001 - a family of the team; the others are sent
                self._failed(family.name, error)
        points = sum(len(getattr(each, each.WhichOneof("data")).data_points) for each in of_scope.metrics)
        return bytes(request.SerializeToString()), points


def metrics(family: Family, period: Period) -> Iterator[Metric]:
    """The metrics of a family: one, or none where it has no samples; of unusual types, one for each name."""
    name, samples = family.name, [each for each in family.samples if not each.name.endswith("_created")]
    if not samples:
        return
    match family.type:
        case "counter":
            yield _metric(f"{name}_total", family, sum=counter(samples, period))
        case "histogram":
            yield _metric(name, family, histogram=histogram(name, samples, period))
        case "summary":
            yield _metric(name, family, summary=summary(name, samples, period))
        case _:
            for each, group in groupby(sorted(samples, key=lambda sample: sample.name), lambda sample: sample.name):
                yield _metric(each, family, gauge=gauge(group, period))


def _metric(name: str, family: Family, **data: object) -> Metric:
    last = name.removesuffix("_total").rpartition("_")[2]
    unit = family.unit or _UNITS.get(last, "")
    return Metric(name=name, description=family.documentation, unit=unit, **data)  # type: ignore[arg-type] # one of them
