"""What the rules of `alerts/` cost for a large fleet, against the usual form: rules per service over raw `rate`.

A real Prometheus on loopback holds generated series of 1,000 services with two objectives each. Every rule of every
group is evaluated at one point in time; Prometheus itself says how many samples it touched and how long it took.
The usual form (eight windows and two alerts per objective, as Sloth writes them) is measured for a few services and
scaled up linearly.

    python -m bench.alerts_scale [--services 1000] [--usual-services 10]

Takes about ten minutes, 6 GB of memory and as much below $TMPDIR with the defaults.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from .ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RULES = Path(__file__).parents[1] / "alerts" / "rules"
REPEATS = 3

MINUTE, HOUR, DAY = 60, 3600, 86400
SCRAPE = 30
INSTANCES = 2
BLOCK = 162 * HOUR  # a duration Prometheus aligns blocks to
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


@dataclass(frozen=True)
class Series:
    """One series: its name with labels, how far back it goes, its step, and its slope (counter) or level (gauge)."""

    name: str
    seconds: int
    step: int
    value: float
    counter: bool = False
    until: int = 0

    def lines(self, end: int, window: range) -> str:
        """The samples of this series inside the window, as OpenMetrics text."""
        first = max(end - self.until - self.seconds, window.start)
        last = min(end - self.until, window.stop - 1)
        times = range(-(-first // self.step) * self.step, last + 1, self.step)
        if not times:
            return ""
        start = end - self.until - self.seconds
        if self.counter:
            return self.name + self.name.join([f" {self.value * (at - start):.1f} {at}\n" for at in times])
        # A level that wanders a little, so that it does not compress to nothing.
        return self.name + self.name.join(
            [f" {self.value * (1 + at // self.step * 37 % 101 / 1000):.5f} {at}\n" for at in times]
        )


def service_series(service: str) -> Iterator[Series]:
    """What one service and the rules about it have in Prometheus."""
    target = f'service="{service}",env="production"'
    for instance in range(INSTANCES):
        yield from instance_series(f'{target},instance="{service}-{instance}:9464"')
    for slo, objective in OBJECTIVES:
        labels = f'{target},slo="{slo}"'
        yield Series(f"slo:objective:ratio{{{labels}}}", 10 * MINUTE, SCRAPE, objective)
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
    yield Series(f"process:service_ready:avg{{{process}}}", 10 * MINUTE, SCRAPE, 1)
    yield Series(f"service:http_requests:rate5m{{{target}}}", 10 * MINUTE, SCRAPE, 12.3)
    yield Series(f"service:routed_requests:rate5m{{{target}}}", 2 * HOUR, SCRAPE, 12.3)
    p95 = f'dependency:http_client_request_duration_seconds:p95_rate5m{{{target},dependency="billing"}}'
    yield Series(p95, 10 * MINUTE, MINUTE, 0.1)
    yield Series(p95, DAY, MINUTE, 0.1, until=7 * DAY)


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
        yield Series(f'slo_objective_ratio{{{target},slo="{slo}"}}', DAY, SCRAPE, objective)
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
    for labels in REQUESTS:
        yield from histogram("http_server_request_duration_seconds", f"{target},{labels}", 6 * MINUTE)


def histogram(name: str, labels: str, seconds: int) -> Iterator[Series]:
    """The buckets and the count of one histogram."""
    for share, le in enumerate(BUCKETS, 1):
        yield Series(f'{name}_bucket{{{labels},le="{le}"}}', seconds, SCRAPE, share / 5, counter=True)
    yield Series(f"{name}_count{{{labels}}}", seconds, SCRAPE, len(BUCKETS) / 5, counter=True)


def usual_series(service: str) -> Iterator[Series]:
    """What the usual form reads beyond that: three days of raw series, thirty of its own 5m ratio."""
    for instance in range(INSTANCES):
        target = f'service="usual-{service}",env="production",instance="{service}-{instance}:9464"'
        for labels in REQUESTS:
            name = "http_server_request_duration_seconds"
            yield Series(f"{name}_count{{{target},{labels}}}", 3 * DAY, SCRAPE, 3, counter=True)
            yield Series(f'{name}_bucket{{{target},{labels},le="0.25"}}', 3 * DAY, SCRAPE, 3, counter=True)
    for slo, _ in OBJECTIVES:
        yield Series(f'slo:sli_error:ratio_rate5m{{service="usual-{service}",slo="{slo}"}}', 30 * DAY, MINUTE, 0.0005)
        for window in ("30m", "1h", "2h", "6h", "1d", "3d"):
            yield Series(
                f'slo:sli_error:ratio_rate{window}{{service="usual-{service}",slo="{slo}"}}',
                10 * MINUTE,
                MINUTE,
                0.0005,
            )


def usual_rules(service: str) -> Iterator[str]:
    """The usual form: every window from raw series, the period from the 5m ratio, two alerts."""
    own = f'service="usual-{service}"'
    count = f"http_server_request_duration_seconds_count{{{own}}}"
    failed = f'http_server_request_duration_seconds_count{{{own},error_type!~"|client_disconnected"}}'
    fast = f'http_server_request_duration_seconds_bucket{{{own},le="0.25"}}'
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d"):
        yield f"sum(rate({failed}[{window}])) / sum(rate({count}[{window}]))"
        yield f"1 - sum(rate({fast}[{window}])) / sum(rate({count}[{window}]))"
    for slo, objective in OBJECTIVES:
        ratio = f'{{{own},slo="{slo}"}}'
        period = f"slo:sli_error:ratio_rate5m{ratio}[30d]"
        yield f"sum_over_time({period}) / count_over_time({period})"
        for first, second in (("14.4 1h 5m", "6 6h 30m"), ("3 1d 2h", "1 3d 6h")):
            yield " or ".join(
                " and ".join(f"slo:sli_error:ratio_rate{w}{ratio} > {factor} * {1 - objective}" for w in windows)
                for factor, *windows in (first.split(), second.split())
            )


def write_blocks(directory: Path, end: int, series: Iterable[Series]) -> None:
    """Turn the series into TSDB blocks that do not overlap, one file and one promtool run per block."""
    kept = list(series)
    begin = end - 31 * DAY
    for start in range(begin // BLOCK * BLOCK, end + 1, BLOCK):
        text = directory / "block.om"
        window = range(start, start + BLOCK)
        with text.open("w", encoding="ascii", buffering=1 << 22) as file:
            file.writelines(one.lines(end, window) for one in kept)
            file.write("# EOF\n")
        command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=162h", "openmetrics", "-q"]
        subprocess.run([*command, str(text), str(directory / "data")], check=True)
        text.unlink()


@dataclass(frozen=True)
class Cost:
    """Samples touched and seconds of one evaluation."""

    samples: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Add two costs."""
        return Cost(self.samples + other.samples, self.seconds + other.seconds)

    def __mul__(self, factor: float) -> Cost:
        """Scale a cost."""
        return Cost(round(self.samples * factor), self.seconds * factor)


def cost(base: str, query: str, at: int) -> Cost:
    """Evaluate one expression as a rule would, and read what it cost."""
    body = urllib.parse.urlencode({"query": query, "time": at, "stats": "all"}).encode()
    runs = []
    for _ in range(REPEATS):
        with urllib.request.urlopen(f"{base}/api/v1/query", body, timeout=300) as answer:  # noqa: S310 - http, our own
            stats = json.load(answer)["data"]["stats"]
        runs.append(stats["timings"]["execTotalTime"])
    return Cost(stats["samples"]["totalQueryableSamples"], statistics.median(runs))


def wait_ready(base: str) -> None:
    """Wait until Prometheus answers queries."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{base}/-/ready", timeout=5).close()  # noqa: S310 - http, our own
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit("Prometheus did not get ready within two minutes.")


def row(name: str, rules: int, spent: Cost, interval: str = "", share: str = "") -> None:
    """Print one line of the table."""
    print(f"{name:<16}{rules:>8,}{interval:>10}{share:>9}{spent.seconds:>10.2f}{spent.samples:>15,}")


def report(base: str, at: int, services: int, usual_services: int) -> bool:
    """Measure and print; false if a group takes more than a third of its interval."""
    print(f"{services} services x {len(OBJECTIVES)} objectives, {INSTANCES} instances each, scraped every {SCRAPE} s\n")
    print(f"{'group':<16}{'rules':>8}{'interval':>10}{'of it':>9}{'seconds':>10}{'samples':>15}")
    total, rules, within, load = Cost(), 0, True, 0.0
    for file in sorted(RULES.glob("*.rules.yml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            spent = sum((cost(base, rule["expr"], at) for rule in group["rules"]), Cost())
            interval = {"s": 1, "m": MINUTE}[group["interval"][-1]] * int(group["interval"][:-1])
            share = spent.seconds / interval
            row(group["name"], len(group["rules"]), spent, f"{interval} s", f"{share:.1%}")
            total, rules, within = total + spent, rules + len(group["rules"]), within and share <= 1 / 3
            load += share
    row("all, once", rules, total)
    print(f"CPU in steady state: {load:.0%} of one core\n")

    spent = Cost()
    for index in range(usual_services):
        spent += sum((cost(base, query, at) for query in usual_rules(f"{index:04}")), Cost())
    scaled = spent * (services / usual_services)
    print(f"The usual form, measured for {usual_services} services and scaled to {services}:")
    row("all, once", 17 * len(OBJECTIVES) * services, scaled)
    return within


def main() -> int:
    """Generate, start, measure, clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--usual-services", type=int, default=10)
    arguments = parser.parse_args()
    end = int(time.time()) // HOUR * HOUR
    directory = Path(tempfile.mkdtemp(prefix="alerts-scale-"))
    prometheus: subprocess.Popen[bytes] | None = None
    try:
        fleet = (one for index in range(arguments.services) for one in service_series(f"s{index:04}"))
        usual = (one for index in range(arguments.usual_services) for one in usual_series(f"{index:04}"))
        began = time.monotonic()
        write_blocks(directory, end, (one for source in (fleet, usual) for one in source))
        print(f"series generated in {time.monotonic() - began:.0f} s", file=sys.stderr)
        (directory / "prometheus.yml").write_text("{}\n")
        port = free_port()
        prometheus = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                "--storage.tsdb.retention.time=60d",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=error",
            ],
        )
        wait_ready(f"http://127.0.0.1:{port}")
        return 0 if report(f"http://127.0.0.1:{port}", end, arguments.services, arguments.usual_services) else 1
    finally:
        if prometheus:
            prometheus.terminate()
            prometheus.wait(timeout=60)
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
