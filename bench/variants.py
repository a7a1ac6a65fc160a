"""The servers under test, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

NO_EXPORTER = "OTEL_TRACES_EXPORTER"
SAMPLER_RATIO = "OTEL_TRACES_SAMPLER_ARG"
# Spans leave every quarter of a second instead of every five, or most of their cost would fall after the count.
EXPORT_DELAY = {"OTEL_BSP_SCHEDULE_DELAY": "250"}
# In development, a service on a loopback address examines the host of each request as well.
DEPLOYED = {"ENVIRONMENT": "production"}
ITEM = "/items/{n}"
LINK = "/api/v1/links/abc"
NEW_LINK = {"path": "/api/v1/links", "method": "POST", "body": '{"url": "https://example.com/", "slug": "abc"}'}


@dataclass(frozen=True)
class Variant:
    """One server: `program` is a module of `bench.programs`, `ready` answers 200 once it serves.

    `path` is what is requested and `base` the bare route that it is compared with, which answers with the same
    document. `stores` says that the link has to be created first. `share` scales the number of requests, so that a slow
    one does not take all the time: the figure is per request.
    """

    name: str
    title: str
    environment: str
    program: str
    ready: str = "/items/1"
    path: str = ITEM
    base: "Variant | None" = None
    stores: bool = False
    counts_lost_spans: bool = False
    share: float = 1.0
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)


BARE = Variant("bare", "bare route /items/{id}", "service", "bare")
BARE_LINK = Variant("bare-link", "bare route of the example", "service", "bare", path=LINK)


def _data_plane(percent: int) -> Variant:
    return Variant(
        f"data-plane-{percent}",
        f"data plane around /items/{{id}}, {percent} % sampled",
        "service",
        "data_plane",
        base=BARE,
        counts_lost_spans=True,
        settings={SAMPLER_RATIO: str(percent / 100), **EXPORT_DELAY},
    )


def _service(percent: int) -> Variant:
    return Variant(
        f"service-{percent}",
        f"whole service, the example's route, {percent} % sampled",
        "service",
        "service",
        ready="/health/ready",
        path=LINK,
        base=BARE_LINK,
        stores=True,
        counts_lost_spans=True,
        settings={SAMPLER_RATIO: str(percent / 100), **EXPORT_DELAY, **DEPLOYED},
    )


def _conventional(percent: int) -> Variant:
    return Variant(
        f"conventional-{percent}",
        f"conventional stack, the example's route, {percent} % sampled",
        "conventional",
        "conventional",
        path=LINK,
        base=BARE_LINK,
        share=0.2,
        settings={"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", SAMPLER_RATIO: str(percent / 100), **EXPORT_DELAY},
    )


DATA_PLANE_0, DATA_PLANE_10, DATA_PLANE_100 = map(_data_plane, (0, 10, 100))
SERVICE_0, SERVICE_10, SERVICE_100 = map(_service, (0, 10, 100))
CONVENTIONAL_10, CONVENTIONAL_100 = map(_conventional, (10, 100))
# The example's resource, all its operations.
DATA_PLANE_API = replace(DATA_PLANE_10, name="data-plane-api", title="data plane around the same responses", base=None)
SERVICE_API = replace(SERVICE_10, name="service-api", title="the example's resource")
FASTAPI = Variant(
    "fastapi",
    "the same resource on FastAPI",
    "fastapi",
    "fastapi_links",
    ready="/health/ready",
    path=LINK,
    stores=True,
    share=0.2,
    settings={"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", SAMPLER_RATIO: "0.1", **EXPORT_DELAY},
)
COMPARED = (
    BARE,
    DATA_PLANE_0,
    DATA_PLANE_10,
    DATA_PLANE_100,
    BARE_LINK,
    SERVICE_0,
    SERVICE_10,
    SERVICE_100,
    CONVENTIONAL_10,
    CONVENTIONAL_100,
)
# What is measured beside the cost of a request. Every path is distinct.
SERVICE = replace(SERVICE_10, name="service", title="whole service, 10 % sampled", path=ITEM, base=BARE)
SERVICE_PLAIN = replace(SERVICE, name="plain", title="whole service, no exporter", settings={NO_EXPORTER: "none"})
# The development console, which `make run` switches on.
CONSOLE_TOKEN = "ab" * 16
CONSOLE_OFF = replace(SERVICE_PLAIN, name="console-off", title="whole service, console off")
CONSOLE_ON = replace(
    SERVICE_PLAIN,
    name="console-on",
    title="whole service, console on",
    settings={**SERVICE_PLAIN.settings, "CONSOLE": "true", "CONSOLE_TOKEN": CONSOLE_TOKEN},
)
SERVICE_SERIES = replace(SERVICE, name="series", settings={**SERVICE.settings, "BENCH_SERIES": "5000"})
SERVICE_H11 = replace(SERVICE, name="h11", program="service_h11")
# The service with the component `database`, on a PostgreSQL server.
DATABASE_CALLS = replace(
    SERVICE_10,
    name="database-calls",
    title="calls of the database",
    environment="database",
    program="database_calls",
    path="/calls/read_one/1",
    base=None,
    stores=False,
)
SERVICE_DATABASE = replace(
    SERVICE_10,
    name="service-database",
    title="whole service with the component database, 10 % sampled",
    environment="database",
    program="database_service",
    base=None,
)
BLOG = replace(
    SERVICE_DATABASE, name="blog", title="the example of a blog", program="blog", path="/items/{n}", stores=False
)
# The service with the component `cache`, on a Redis server.
CACHE_CALLS = replace(
    SERVICE_10,
    name="cache-calls",
    title="calls of the cache",
    environment="cache",
    program="cache_calls",
    path="/calls/read_memory/8",
    base=None,
    stores=False,
    settings={**SERVICE_10.settings, "CACHE_MEMORY_ENTRIES": "1"},
)
SERVICE_CACHE = replace(
    SERVICE_10,
    name="service-cache",
    title="whole service with the component cache, 10 % sampled",
    environment="cache",
    program="cache_service",
    base=None,
)
# The service with the component `http_client`, which calls the sink.
CLIENT_CALLS = replace(
    SERVICE_10,
    name="client-calls",
    title="calls of another service",
    environment="http_client",
    program="client_calls",
    path="/calls/component/1",
    base=None,
    stores=False,
    # valgrind makes a call fifty times slower
    settings={**SERVICE_10.settings, "HTTP_CLIENT_TIMEOUT_SECONDS": "600", "HTTP_CLIENT_CONNECT_SECONDS": "60"},
)
CONVENTIONAL = replace(
    CONVENTIONAL_10, name="conventional", title="conventional stack, 10 % sampled", path=ITEM, base=BARE
)
