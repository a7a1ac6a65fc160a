"""The number of requests by version."""

from starlette.routing import compile_path

from ..metrics.counts import Count, Counts
from ..metrics.instruments import REGISTRY

UNKNOWN = "unknown"  # a version that the operation does not have

REQUESTS = Counts(
    "http_server_api_requests",
    "Requests to operations that have a version.",
    ("http_route", "api_version"),
    REGISTRY,
)


def requests(path: str, version: str) -> Count:
    """The counter of a path and a version. Routes create theirs at the start, so that increase() sees the first one."""
    return REQUESTS.labels(compile_path(path)[1], version)
