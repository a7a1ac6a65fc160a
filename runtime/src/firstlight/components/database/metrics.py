"""The instruments of the component. Their names are the contract's (`contract/database.toml`)."""

from prometheus_client import Counter, Gauge

from ...metrics.counts import Counts
from ...metrics.durations import Durations
from ...metrics.instruments import REGISTRY

# OpenTelemetry semantic conventions, db.client.operation.duration and db.client.connection.wait_time.
DURATION_BUCKETS_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
STATEMENT_BUCKETS = (0, 1, 2, 3, 5, 10, 20, 50, 100)

POOL = "db_client_connection_pool_name"

OPERATION_DURATION = Durations(
    "db_client_operation_duration_seconds",
    "Time of a statement, from sending it to its last row.",
    ("db_system_name", "db_operation_name", "db_collection_name", "server", "error_type"),
    buckets=DURATION_BUCKETS_SECONDS,
    registry=REGISTRY,
)
CONNECTIONS = Gauge(
    "db_client_connections", "Open connections.", (POOL, "db_client_connection_state"), registry=REGISTRY
)
CONNECTIONS_MAX = Gauge("db_client_connection_max", "Connections that the pool may open.", (POOL,), registry=REGISTRY)
PENDING = Gauge(
    "db_client_connection_pending_requests", "Callers that wait for a connection.", (POOL,), registry=REGISTRY
)
WAIT_TIME = Durations(
    "db_client_connection_wait_time_seconds",
    "Time until a connection was available.",
    (POOL,),
    buckets=DURATION_BUCKETS_SECONDS,
    registry=REGISTRY,
)
TIMEOUTS = Counts("db_client_connection_timeouts", "Callers that got no connection in time.", (POOL,), REGISTRY)
TRANSACTIONS = Counts("database_transactions", "Transactions by their outcome.", ("outcome",), REGISTRY)
RETRIES = Counts("database_transaction_retries", "Transactions begun again.", ("reason",), REGISTRY)
DEADLOCKS = Counter("database_deadlocks", "Transactions that the server ended as a deadlock.", registry=REGISTRY)
REQUEST_STATEMENTS = Durations(
    "database_request_statements",
    "Statements of one request.",
    ("http_route",),
    buckets=STATEMENT_BUCKETS,
    registry=REGISTRY,
)
SLOW_STATEMENTS = Counts(
    "database_slow_statements",
    "Statements that took longer than DATABASE_SLOW_SECONDS.",
    ("db_operation_name", "db_collection_name"),
    REGISTRY,
)
REPLICA_LAG = Gauge(
    "database_replica_lag_seconds", "Time by which a replica is behind its primary.", ("server",), registry=REGISTRY
)
REPLICA_USABLE = Gauge("database_replica_usable", "1 while reads may go to it.", ("server",), registry=REGISTRY)
SERVER_CONNECTIONS_MAX = Gauge(
    "database_server_connections_max",
    "Connections that a server has for the service.",
    ("server",),
    registry=REGISTRY,
)
POOLS_CONNECTIONS_MAX = Gauge(
    "database_pools_connections_max", "Connections that all instances may open.", ("server",), registry=REGISTRY
)

OUTCOMES = ("committed", "rolled_back", "failed", "timed_out", "cancelled")
for outcome in OUTCOMES:  # they exist from the start, so that increase() sees the first one
    TRANSACTIONS.labels(outcome)
for reason in ("serialization_failure", "deadlock"):
    RETRIES.labels(reason)
