"""The instruments of discovery. Their names are the contract's (`contract/http_client.toml`)."""

from prometheus_client import Counter, Gauge

from ....metrics.instruments import REGISTRY

INSTANCES = Gauge(
    "http_client_instances",
    "Known instances of a dependency: available, or ejected because their calls failed.",
    ("dependency", "state"),
    registry=REGISTRY,
)
EJECTIONS = Counter(
    "http_client_ejections",
    "Instances of a dependency that were taken out because their calls failed.",
    ("dependency", "reason"),
    registry=REGISTRY,
)
LOOKUPS = Counter(
    "http_client_lookups", "Lookups of the instances of a dependency.", ("dependency", "outcome"), registry=REGISTRY
)
AGE = Gauge(
    "http_client_instances_age_seconds",
    "Age of what is known about the instances of a dependency: 0 while lookups succeed.",
    ("dependency",),
    registry=REGISTRY,
)
REGISTERED = Gauge("http_client_registered", "Whether this instance is registered.", ("registry",), registry=REGISTRY)

REASONS = ("consecutive_failures", "failure_ratio", "failed_trial")
OUTCOMES = ("ok", "failed")
