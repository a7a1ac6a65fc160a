"""The servers under test, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

NO_EXPORTER = "OTEL_TRACES_EXPORTER"
SAMPLER_RATIO = "OTEL_TRACES_SAMPLER_ARG"
# Spans leave every quarter of a second instead of every five, or most of their cost would fall after the count.
EXPORT_DELAY = {"OTEL_BSP_SCHEDULE_DELAY": "250"}


@dataclass(frozen=True)
class Variant:
    """One server: `program` is a module of `bench.programs`, `ready` answers 200 once it serves.

    `share` scales the number of requests, so that a slow one does not take all the time: the figure is per request.
    """

    name: str
    title: str
    environment: str
    program: str
    ready: str = "/items/1"
    share: float = 1.0
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)


def _service(percent: int) -> Variant:
    settings = {SAMPLER_RATIO: str(percent / 100), **EXPORT_DELAY}
    title = f"(b) emitted service, {percent} % sampled"
    return Variant(f"b{percent}", title, "service", "service", ready="/health/ready", settings=settings)


def _conventional(percent: int) -> Variant:
    settings = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", SAMPLER_RATIO: str(percent / 100), **EXPORT_DELAY}
    title = f"(c) conventional stack, {percent} % sampled"
    return Variant(f"c{percent}", title, "conventional", "conventional", share=0.2, settings=settings)


BARE = Variant("a", "(a) bare Starlette", "service", "bare")
SERVICE_1, SERVICE_10, SERVICE_100 = map(_service, (1, 10, 100))
CONVENTIONAL_10, CONVENTIONAL_100 = map(_conventional, (10, 100))
SERVICE_PLAIN = Variant(
    "b", "(b) emitted service, no exporter", "service", "service", "/health/ready", settings={NO_EXPORTER: "none"}
)
SERVICE_SERIES = replace(SERVICE_10, name="series", settings={**SERVICE_10.settings, "BENCH_SERIES": "5000"})
SERVICE_H11 = replace(SERVICE_10, name="h11", program="service_h11")
SERVICE_UVICORN = replace(SERVICE_10, name="uvicorn", title="uvicorn")
SERVICE_GRANIAN = replace(SERVICE_10, name="granian", title="granian", program="service_granian")
SERVICE_GRANIAN_DRAIN = replace(
    SERVICE_GRANIAN, name="drain", title="granian, drain added", settings={**SERVICE_10.settings, "BENCH_DRAIN": "1"}
)
