"""The instruments of the component. Their names are the contract's (`contract/cache.toml`)."""

from prometheus_client import Gauge

from ...metrics.counts import Counts
from ...metrics.durations import Durations
from ...metrics.instruments import REGISTRY

CALL_BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
LOAD_BUCKETS_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)

READS = Counts("cache_reads", "Reads by their outcome.", ("cache", "outcome"), REGISTRY)
WRITES = Counts("cache_writes", "Entries written and forgotten.", ("cache", "operation"), REGISTRY)
ERRORS = Counts("cache_errors", "What the cache could not do.", ("cache", "operation", "reason"), REGISTRY)
EVICTIONS = Counts("cache_evictions", "Entries that memory had no space for.", ("cache",), REGISTRY)
INVALIDATED = Counts("cache_invalidated", "Entries in memory that Redis said had changed.", ("cache",), REGISTRY)
LOADS = Durations(
    "cache_load_duration_seconds",
    "Time of a load from the source.",
    ("cache", "outcome"),
    buckets=LOAD_BUCKETS_SECONDS,
    registry=REGISTRY,
)
ENTRIES = Gauge("cache_entries", "Entries in memory.", ("cache",), registry=REGISTRY)
BYTES = Gauge("cache_bytes", "What the entries in memory take, about.", ("cache",), registry=REGISTRY)
PENDING_INVALIDATIONS = Gauge(
    "cache_pending_invalidations", "Entries that Redis must still forget.", ("server",), registry=REGISTRY
)

# Without a server in the settings they have no children, and no alert.
SERVER = "redis"
SERVER_UP = Gauge("cache_server_up", "1 while Redis is used.", ("server",), registry=REGISTRY)
CALLS = Durations(
    "cache_server_call_duration_seconds",
    "Time of a call to Redis, with the wait for a connection.",
    ("operation", "outcome"),
    buckets=CALL_BUCKETS_SECONDS,
    registry=REGISTRY,
)
CONNECTIONS = Gauge("cache_server_connections", "Open connections of the pool.", ("server", "state"), registry=REGISTRY)
CONNECTIONS_MAX = Gauge(
    "cache_server_connections_max", "Connections that the pool may open.", ("server",), registry=REGISTRY
)
PENDING = Gauge("cache_server_pending_calls", "Calls that wait for a connection.", ("server",), registry=REGISTRY)
WAIT_TIME = Durations(
    "cache_server_connection_wait_seconds",
    "Time that a call waited because all connections were in use.",
    (),
    buckets=CALL_BUCKETS_SECONDS,
    registry=REGISTRY,
)
SERVER_BYTES = Gauge("cache_server_memory_bytes", "Memory that Redis uses.", ("server",), registry=REGISTRY)
SERVER_BYTES_MAX = Gauge(
    "cache_server_memory_max_bytes", "Limit of that memory; 0: none.", ("server",), registry=REGISTRY
)
SERVER_EVICTED = Gauge(
    "cache_server_evicted_keys", "Keys that Redis has evicted since its start.", ("server",), registry=REGISTRY
)
READ_TIME = Durations(
    "cache_read_duration_seconds",
    "Time of a read that memory could not answer.",
    ("cache",),
    buckets=LOAD_BUCKETS_SECONDS,
    registry=REGISTRY,
)
