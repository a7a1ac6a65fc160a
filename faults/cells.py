"""One line of the table: what was sent, what clients saw, what the service reported, memory, verdict."""

from collections.abc import Iterable, Sequence

from .conduct import Outcome
from .row import Row
from .trial import Trial

HEAD = (
    "#",
    "row",
    "what was sent",
    "clients saw",
    "the service reported",
    "probes",
    "normal load",
    "memory, MiB",
    "verdict",
)
WIDTHS = (2, 34, 60, 34, 64, 18, 22, 14, 8)
PASSED, FAILED, NOT_RUN = "passed", "FAILED", "not run"
COUNTERS = (
    "http_server_refusals_total",
    "telemetry_dropped_total",
    "unhandled_errors_total",
    "http_server_shed_requests_total",
)
SHOWN_EVENTS = {"http.request_finished", "health.check_changed", "service.drain_started", "service.drain_finished"}
MOST_EVENTS = 4


def of(row: Row, outcome: Outcome | None, *, long: bool) -> Sequence[str]:
    """The line of a row; of one that was not run without an outcome."""
    begin = (str(row.item), row.name, row.sent.format(size=row.size(long=long)))
    if outcome is None:
        return (*begin, "", "", "", "", "", NOT_RUN)
    trial = outcome.trial
    return (
        *begin,
        ", ".join(f"{what}: {count:,}" for what, count in trial.clients.most_common()),
        _said(trial),
        _probes(trial),
        _load(trial),
        _memory(trial),
        FAILED if outcome.failed else PASSED,
    )


def _said(trial: Trial) -> str:
    """Counters that grew, then events."""
    counted = [text for name in COUNTERS for text in _grown(trial, name)]
    events: dict[str, int] = {}
    for line in trial.lines:
        if line["event"] not in SHOWN_EVENTS and line.get("level") != "info":
            events[line["event"]] = events.get(line["event"], 0) + 1
    lines = [f"{event} x{count}" for event, count in list(events.items())[:MOST_EVENTS]]
    return "; ".join(part for part in (", ".join(counted), ", ".join(lines)) if part)


def _grown(trial: Trial, name: str) -> Iterable[str]:
    for sample in trial.after.named(name):
        grown = sample.value - trial.before.sum(name, **sample.labels)
        if grown:
            yield f"{'/'.join(sample.labels.values()) or name} {grown:,.0f}"


def _probes(trial: Trial) -> str:
    probes = trial.samples.probes
    failures = f", {probes.failures} lost" if probes.failures else ""
    return f"{_ms(probes.p99)}, {_ms(probes.longest)}{failures}" if probes.samples else ""


def _load(trial: Trial) -> str:
    load = trial.samples.load
    return f"{_ms(load.p99)}, {load.failures} of {len(load.samples)}" if load.samples else ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _memory(trial: Trial) -> str:
    peak = trial.service.high_water_mib if trial.peak_mib is None else trial.peak_mib
    return f"{peak:.0f} (+{trial.grown_mib:.0f})"
