"""The signals on the page, read from outside: probes, scrape, responses and log lines."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from .service import Line, Service
from .traffic import Answer, request

PROBES = ("live", "ready", "startup")
OPENMETRICS = {"Accept": "application/openmetrics-text"}
DURATION = "http_server_request_duration_seconds"
EVENTS = "slo_events_total"
COUNTED_SECONDS = 5.0  # until everything is counted: a client may have its response before
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Objective:
    """One objective with the numbers of its events, and of its bad events."""

    slo: str
    ratio: float
    threshold: float | None
    total: float
    bad: float

    @property
    def spent(self) -> float:
        """The part of the error budget of these events that is spent; above 1 it is overdrawn."""
        return self.bad / ((1 - self.ratio) * self.total) if self.total else 0.0


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape, and sums of them."""

    samples: list[Sample]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of a name's samples with these labels."""
        return sum(sample.value for sample in self.named(name) if labels.items() <= sample.labels.items())

    def named(self, name: str) -> Iterable[Sample]:
        """The samples of one name."""
        return (sample for sample in self.samples if sample.name == name)

    def has(self, name: str) -> bool:
        """Whether the name was scraped at all."""
        return any(True for _ in self.named(name))

    def by(self, name: str, label: str, **labels: str) -> Mapping[str, float]:
        """The sum of a name's samples with these labels, for each value of a further one."""
        values = sorted({sample.labels[label] for sample in self.named(name)})
        return {value: self.sum(name, **{label: value}, **labels) for value in values}

    def quantile(self, q: float) -> float:
        """The upper limit of the bucket that holds this quantile of all requests."""
        buckets = {float(le): count for le, count in self.by(f"{DURATION}_bucket", "le").items()}
        target = q * max(buckets.values(), default=0)
        return min(limit for limit, count in buckets.items() if count >= target)

    @property
    def exemplars(self) -> set[str]:
        """The trace ids attached to samples."""
        return {sample.exemplar.labels["trace_id"] for sample in self.samples if sample.exemplar}

    def objectives(self) -> list[Objective]:
        """The objectives with their events, as the service counts them."""
        thresholds = self.by("slo_threshold_seconds", "slo")
        events, bad = self.by(EVENTS, "slo"), self.by(EVENTS, "slo", outcome="bad")
        return [
            Objective(slo, ratio, thresholds.get(slo), events.get(slo, 0), bad.get(slo, 0))
            for slo, ratio in self.by("slo_objective_ratio", "slo").items()
        ]


@dataclass(frozen=True)
class Signals:
    """All signals of the page, and the list of missing ones."""

    probes: Mapping[str, int]
    scrape: Scrape
    trace_id: str
    lines: list[Line] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """The expected signals that did not come, in words."""
        failed = [line for line in self.lines if line["event"] == "http.request_failed"]
        expected = {
            **{f"the {name} probe is not 200": status == 200 for name, status in self.probes.items()},  # noqa: PLR2004
            "no request was measured": self.scrape.sum(f"{DURATION}_count") > 0,
            "the failed request was not counted": self.scrape.sum(f"{DURATION}_count", error_type="RuntimeError") == 1,
            "the unmatched path was not counted": self.scrape.sum(f"{DURATION}_count", http_route="unmatched") == 1,
            "no saturation was measured": self.scrape.has("event_loop_lag_seconds_count"),
            "no objective was exported": bool(self.scrape.objectives()),
            "no budget was spent, though a request failed": all(o.bad >= 1 for o in self.scrape.objectives()),
            "no log line carries the failed request's trace id": bool(failed),
            "no exemplar carries the failed request's trace id": self.trace_id in self.scrape.exemplars,
            "a secret reached the logs": "hunter2" not in json.dumps(self.lines),
        }
        return [sentence for sentence, fulfilled in expected.items() if not fulfilled]


def read(service: Service, failed: Answer) -> Signals:
    """Read the signals of the service until none is missing, for some seconds at most."""
    deadline = time.monotonic() + COUNTED_SECONDS
    while (signals := _read(service, failed)).missing and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return signals


def _read(service: Service, failed: Answer) -> Signals:
    probes = {name: request(service.management_port, "GET", f"/health/{name}").status for name in PROBES}
    text = request(service.management_port, "GET", "/metrics", headers=OPENMETRICS).body.decode()
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    trace_id = json.loads(failed.body)["trace_id"]
    service.wait_for("http.request_failed", trace_id=trace_id)
    lines = [line for line in service.lines if line.get("trace_id") == trace_id]
    return Signals(probes, Scrape(samples), trace_id, lines)
