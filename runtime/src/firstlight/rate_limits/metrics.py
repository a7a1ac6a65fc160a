"""The metrics of rate limits, by policy. The page of the service limits the number of policies."""

from prometheus_client import Counter, Gauge

from ..metrics.counts import Counts
from ..metrics.instruments import REGISTRY

ALLOWED, LIMITED, REPORTED, EXEMPT, UNCHECKED, FAILED = OUTCOMES = (
    "allowed",
    "limited",
    "reported",
    "exempt",
    "unchecked",
    "failed",
)

REQUESTS = Counts("rate_limit_requests", "Requests that a rate limit was checked for.", ("policy", "outcome"), REGISTRY)
KEYS = Gauge("rate_limit_keys", "Counters in memory now.", ("policy",), registry=REGISTRY)
EVICTED = Counter(
    "rate_limit_evicted_keys", "Counters dropped before their time to make place.", ("policy",), registry=REGISTRY
)
