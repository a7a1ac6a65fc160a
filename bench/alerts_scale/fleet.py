"""What the services of a fleet export, and what the rules record about them, as far as a rule reads it."""

from collections.abc import Iterator

from .series import DAY, HOUR, MINUTE, Series

SCRAPE = 30
INSTANCES = 2
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
BUCKETS = (*map(str, BOUNDS), "+Inf")
REQUESTS = (
    'http_request_method="GET",http_route="/r/{slug}",http_response_status_code="302",error_type=""',
    'http_request_method="GET",http_route="/r/{slug}",http_response_status_code="404",error_type=""',
    'http_request_method="GET",http_route="/api/v1/links",http_response_status_code="200",error_type=""',
    'http_request_method="GET",http_route="/api/v1/links/{slug}",http_response_status_code="200",error_type=""',
    'http_request_method="POST",http_route="/api/v1/links",http_response_status_code="201",error_type=""',
    'http_request_method="POST",http_route="/api/v1/links",http_response_status_code="500",error_type="RuntimeError"',
)
OBJECTIVES = (("availability", 0.999), ("latency", 0.99))
SOURCES = 13  # of unhandled errors
POOLS = ("primary", "replica_0")
CACHES = ("link", "visitor")
STATEMENTS = (
    'db_operation_name="SELECT",db_collection_name="links"',
    'db_operation_name="INSERT",db_collection_name="links"',
    'db_operation_name="SELECT",db_collection_name="idempotency_keys"',
    'db_operation_name="INSERT",db_collection_name="idempotency_keys"',
)


def service_series(service: str) -> Iterator[Series]:
    """What one service and the rules about it have in Prometheus."""
    target = f'service="{service}",env="production"'
    for instance in range(INSTANCES):
        yield from instance_series(f'{target},instance="{service}-{instance}:9464"')
    for slo, objective in OBJECTIVES:
        labels = f'{target},slo="{slo}"'
        yield Series(f"slo:objective:declared{{{labels}}}", DAY, SCRAPE, objective)
        yield Series(f"slo:objective:ratio{{{labels}}}", HOUR, SCRAPE, objective)
        yield Series(f"slo:objective:last1d{{{labels}}}", 10 * MINUTE, 2 * MINUTE, objective)
        yield Series(f"slo:error_budget_remaining:ratio{{{labels}}}", 10 * MINUTE, SCRAPE, 0.5)
        for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"):
            yield Series(f'slo:burn_rate:ratio{{{labels},window="{window}"}}', 10 * MINUTE, SCRAPE, 0.5)
        for outcome, level in (("bad", 0.0123), ("total", 12.3)):
            for window in ("30m", "1h", "2h", "6h", "1d", "3d", "30d"):
                yield Series(
                    f'slo:events:rate{{{labels},outcome="{outcome}",window="{window}"}}', 10 * MINUTE, SCRAPE, level
                )
            yield Series(
                f'slo:events:rate{{{labels},outcome="{outcome}",window="5m"}}', 6 * HOUR + 10 * MINUTE, SCRAPE, level
            )
            yield Series(f'slo:events:coarse{{{labels},outcome="{outcome}",window="10m"}}', 30 * DAY, 5 * MINUTE, level)
    process = f'{target},process="web"'
    yield Series(f"process:up:avg{{{process}}}", DAY, SCRAPE, 1)
    yield Series(f"process:up:last1d{{{process}}}", 10 * MINUTE, 2 * MINUTE, 1)
    yield Series(f"process:service_ready:avg{{{process}}}", 20 * MINUTE, SCRAPE, 1)
    yield Series(f"service:http_requests:rate5m{{{target}}}", 10 * MINUTE, SCRAPE, 12.3)
    routed = f"service:routed_requests:rate5m{{{target}}}"
    for before in (7 * DAY, DAY):  # an hour on each side of this time
        yield Series(routed, 2 * HOUR, SCRAPE, 12.3, until=before - HOUR)
    yield Series(routed, 2 * HOUR, SCRAPE, 12.3)
    p95 = f'dependency:http_client_request_duration_seconds:p95_rate5m{{{target},dependency="billing"}}'
    yield Series(p95, DAY, MINUTE, 0.1, until=7 * DAY)
    yield Series(p95, 10 * MINUTE, MINUTE, 0.1)


def instance_series(target: str) -> Iterator[Series]:
    """What one instance exports, as far as a rule reads it."""
    recent = 35 * MINUTE
    yield Series(f"up{{{target}}}", recent, SCRAPE, 1)
    yield Series(f"service_ready{{{target}}}", recent, SCRAPE, 1)
    yield Series(f"process_start_time_seconds{{{target}}}", recent, SCRAPE, 1.7e9)
    yield Series(f"process_open_fds{{{target}}}", recent, SCRAPE, 40)
    yield Series(f"process_max_fds{{{target}}}", recent, SCRAPE, 1024)
    yield Series(f"cgroup_memory_usage_bytes{{{target}}}", HOUR, SCRAPE, 7e7)
    yield Series(f"cgroup_memory_limit_bytes{{{target}}}", recent, SCRAPE, 2.5e8)
    yield Series(f"cgroup_cpu_periods_total{{{target}}}", recent, SCRAPE, 10, counter=True)
    yield Series(f"cgroup_cpu_throttled_periods_total{{{target}}}", recent, SCRAPE, 1, counter=True)
    yield Series(f'log_events_total{{{target},level="error"}}', recent, SCRAPE, 0.01, counter=True)
    yield Series(
        f'telemetry_dropped_total{{{target},signal="traces",reason="queue_full"}}', recent, SCRAPE, 0.01, counter=True
    )
    yield Series(f"scrape_samples_post_metric_relabeling{{{target}}}", recent, SCRAPE, 400)
    yield Series(f"scrape_sample_limit{{{target}}}", recent, SCRAPE, 5000)
    for slo, objective in OBJECTIVES:
        yield Series(f'slo_objective_ratio{{{target},slo="{slo}"}}', recent, SCRAPE, objective)
        for outcome, rate in (("good", 12.2), ("bad", 0.1)):
            yield Series(
                f'slo_events_total{{{target},slo="{slo}",outcome="{outcome}"}}', recent, SCRAPE, rate, counter=True
            )
    yield Series(f"http_server_shed_requests_total{{{target}}}", recent, SCRAPE, 0.01, counter=True)
    yield Series(f"http_server_accept_queue_connections{{{target}}}", recent, SCRAPE, 1)
    yield Series(f"http_server_accept_queue_max_connections{{{target}}}", recent, SCRAPE, 128)
    for source in range(SOURCES):
        yield Series(f'unhandled_errors_total{{{target},source="{source}"}}', recent, SCRAPE, 0, counter=True)
    yield Series(f'background_last_success_timestamp_seconds{{{target},task="sweep"}}', recent, SCRAPE, 1.7e9)
    yield Series(f'background_interval_seconds{{{target},task="sweep"}}', recent, SCRAPE, 60)
    for share, le in enumerate(BUCKETS, 1):
        yield Series(f'event_loop_lag_seconds_bucket{{{target},le="{le}"}}', 6 * MINUTE, SCRAPE, share, counter=True)
    client = f'{target},dependency="billing",http_request_method="GET",http_response_status_code="200",error_type=""'
    yield from histogram("http_client_request_duration_seconds", client, 11 * MINUTE)
    yield from database_series(target)
    yield from cache_series(target)
    for labels in REQUESTS:
        yield from histogram("http_server_request_duration_seconds", f"{target},{labels}", 6 * MINUTE)


def database_series(target: str) -> Iterator[Series]:
    """What one instance exports about its database, with one replica and every outcome."""
    recent = 11 * MINUTE
    yield Series(f'health_check_status{{{target},check="database"}}', recent, SCRAPE, 1)
    yield Series(f"database_server_connections_max{{{target}}}", recent, SCRAPE, 97)
    yield Series(f"database_pools_connections_max{{{target}}}", recent, SCRAPE, 20)
    yield Series(f'database_replica_lag_seconds{{{target},server="replica_0"}}', recent, SCRAPE, 0.1)
    yield Series(f'database_replica_usable{{{target},server="replica_0"}}', recent, SCRAPE, 1)
    yield Series(f"database_deadlocks_total{{{target}}}", recent, SCRAPE, 0, counter=True)
    for reason in ("serialization_failure", "deadlock"):
        retries = f'database_transaction_retries_total{{{target},reason="{reason}"}}'
        yield Series(retries, recent, SCRAPE, 0, counter=True)
    for outcome in ("committed", "rolled_back", "failed", "timed_out", "cancelled"):
        ended = f'database_transactions_total{{{target},outcome="{outcome}"}}'
        yield Series(ended, recent, SCRAPE, 0.1, counter=True)
    for name in POOLS:
        pool = f'{target},db_client_connection_pool_name="{name}"'
        yield Series(f"db_client_connection_max{{{pool}}}", recent, SCRAPE, 10)
        yield Series(f"db_client_connection_timeouts_total{{{pool}}}", recent, SCRAPE, 0, counter=True)
        for state in ("used", "idle"):
            yield Series(f'db_client_connections{{{pool},db_client_connection_state="{state}"}}', recent, SCRAPE, 5)
    for kind in STATEMENTS:
        yield Series(f"database_slow_statements_total{{{target},{kind}}}", recent, SCRAPE, 0.01, counter=True)
        for server in POOLS:
            of = f'{target},db_system_name="postgresql",{kind},server="{server}",error_type=""'
            yield Series(f"db_client_operation_duration_seconds_count{{{of}}}", recent, SCRAPE, 3, counter=True)


def cache_series(target: str) -> Iterator[Series]:
    """What one instance exports about its caches in memory and in Redis, and about one queue of writes."""
    recent = 11 * MINUTE
    yield Series(f'cache_server_up{{{target},server="redis"}}', recent, SCRAPE, 1)
    yield Series(f'cache_pending_invalidations{{{target},server="redis"}}', recent, SCRAPE, 0)
    for cache in CACHES:
        for outcome in ("memory", "redis", "stale", "joined", "miss", "error"):
            reads = f'cache_reads_total{{{target},cache="{cache}",outcome="{outcome}"}}'
            yield Series(reads, 6 * HOUR + recent, SCRAPE, 3, counter=True)
        for reason in ("timeout", "out_of_memory"):
            errors = f'cache_errors_total{{{target},cache="{cache}",operation="read",reason="{reason}"}}'
            yield Series(errors, recent, SCRAPE, 0.01, counter=True)
    queue = f'{target},queue="visits"'
    yield Series(f"cache_write_behind_age_seconds{{{queue}}}", recent, SCRAPE, 1)
    yield Series(f"cache_write_behind_set_aside{{{queue}}}", recent, SCRAPE, 0)
    for outcome in ("queued", "refused", "flushed", "set_aside"):
        writes = f'cache_write_behind_writes_total{{{queue},outcome="{outcome}"}}'
        yield Series(writes, recent, SCRAPE, 3, counter=True)


def histogram(name: str, labels: str, seconds: int) -> Iterator[Series]:
    """The buckets and the count of one histogram."""
    for share, le in enumerate(BUCKETS, 1):
        yield Series(f'{name}_bucket{{{labels},le="{le}"}}', seconds, SCRAPE, share / 5, counter=True)
    yield Series(f"{name}_count{{{labels}}}", seconds, SCRAPE, len(BUCKETS) / 5, counter=True)
