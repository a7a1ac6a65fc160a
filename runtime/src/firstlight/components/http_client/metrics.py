"""The instruments of the component. Their names are the contract's (`contract/http_client.toml`)."""

from prometheus_client import Gauge

from ...metrics.counts import Counts
from ...metrics.durations import Durations
from ...metrics.instruments import LATENCY_BUCKETS_SECONDS, REGISTRY

DEPENDENCY = ("dependency",)

REQUEST_DURATION = Durations(
    "http_client_request_duration_seconds",
    "Time from sending a request to a dependency to the headers of its response.",
    (
        "dependency",
        "http_request_method",
        "http_response_status_code",
        "error_type",
        "server_address",
        "server_port",
    ),
    buckets=LATENCY_BUCKETS_SECONDS,
    registry=REGISTRY,
)
ACTIVE = Gauge("http_client_active_requests", "Calls that run now.", DEPENDENCY, registry=REGISTRY)
WAITING = Gauge("http_client_waiting_requests", "Calls that wait for one to end.", DEPENDENCY, registry=REGISTRY)
LIMIT = Gauge("http_client_concurrency_limit", "Calls that may run at a time.", DEPENDENCY, registry=REGISTRY)
CONNECTIONS = Gauge(
    "http_client_open_connections", "Open connections.", (*DEPENDENCY, "http_connection_state"), registry=REGISTRY
)
RETRIES = Counts("http_client_retries", "Calls sent again.", (*DEPENDENCY, "reason"), REGISTRY)
NOT_RETRIED = Counts(
    "http_client_retries_withheld", "Calls that were worth a retry and got none.", (*DEPENDENCY, "reason"), REGISTRY
)
BUDGET = Gauge(
    "http_client_retry_budget_ratio", "Part of the retry budget that is left.", DEPENDENCY, registry=REGISTRY
)
REFUSED = Counts(
    "http_client_refused", "Calls that were refused before they were sent.", (*DEPENDENCY, "reason"), REGISTRY
)
FALLBACKS = Counts("http_client_fallbacks", "Calls that the fallback has answered.", DEPENDENCY, REGISTRY)

WITHHELD = ("budget", "deadline", "retry_after")
REFUSALS = ("breaker_open", "concurrency", "deadline")
