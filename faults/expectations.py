"""Expectations: about clients, metrics, lines, memory, probes and the normal load."""

import json
from collections.abc import Callable
from math import inf

from .row import Expectation
from .samples import Samples
from .trial import Trial

MAX_BODY_MIB = 1
GROWTH_MIB = 8 * MAX_BODY_MIB + 4
PROBE_SECONDS = 1.0
LOAD_P99_SECONDS = 0.1
RECOVERY_SECONDS = 2.0
SHOWN = 300


def holds(text: str, saw: Callable[[Trial], object], condition: Callable[[Trial], bool]) -> Expectation:
    """Anything else."""
    return Expectation(text, lambda trial: str(saw(trial))[:SHOWN], condition)


def number(text: str, value: Callable[[Trial], float], least: float = 1, most: float = inf) -> Expectation:
    """A number between two others."""
    between = f"{least:g}" if least == most else f"at least {least:g}" if most == inf else f"{least:g} to {most:g}"
    return holds(f"{text}: {between}", lambda trial: f"{value(trial):g}", lambda trial: least <= value(trial) <= most)


def counted(name: str, least: float = 1, most: float = inf, /, **labels: str) -> Expectation:
    """A metric grows by so much."""
    shown = ",".join(f"{label}={value}" for label, value in labels.items())
    return number(f"{name}{{{shown}}}", lambda trial: trial.increase(name, **labels), least, most)


def exists(name: str, **labels: str) -> Expectation:
    """A metric was there before anything happened."""

    def found(trial: Trial) -> bool:
        return any(labels.items() <= sample.labels.items() for sample in trial.before.named(name))

    return holds(f"{name}{labels} before", lambda _: "no such series", found)


def logged(event: str, least: int = 1, most: int = 1, /, **fields: object) -> Expectation:
    """So many lines of an event, with these fields."""
    with_fields = f" with {json.dumps(fields)}" if fields else ""

    def lines(trial: Trial) -> int:
        matches = (line for line in trial.lines if line["event"] == event and fields.items() <= line.items())
        return sum(1 for _ in matches)

    return number(f"lines {event}{with_fields}", lines, least, most)


def refused(reason: str, listener: str = "service") -> list[Expectation]:
    """A refusal is counted by its reason, and logged at a limited rate with the client's address."""
    return [
        counted("http_server_refusals_total", listener=listener, reason=reason),
        logged("http.connection_refused", 1, 3, reason=reason, client_address="127.0.0.1"),
    ]


def saw(what: str, least: int = 1, most: float = inf) -> Expectation:
    """So many clients saw this."""
    return number(f"clients that see {what}", lambda trial: trial.clients[what], least, most)


def saw_only(*allowed: str) -> Expectation:
    """No client saw anything else."""
    return holds(
        f"clients see {' or '.join(allowed)} only",
        lambda trial: dict(trial.clients),
        lambda trial: bool(trial.clients) and set(trial.clients) <= set(allowed),
    )


def took(name: str, most: float, least: float = 0) -> Expectation:
    """A measured time or size."""
    return number(name, lambda trial: trial.measured.get(name, inf), least, most)


def grows_by(mib: float = GROWTH_MIB) -> Expectation:
    """Resident memory does not rise further above that of the beginning."""
    return number("MiB that the process grows by", lambda trial: round(trial.grown_mib, 1), 0, mib)


def no_error_lines() -> Expectation:
    """Nothing is logged as our failure."""

    def events(trial: Trial) -> list[str]:
        return [line["event"] for line in trial.lines if line.get("level") in {"error", "critical"}]

    return holds("no line at level error", events, lambda trial: not events(trial))


def _slowest(samples: Samples) -> str:
    return f"{samples.longest:.2f} s at most, {samples.failures} of {len(samples.samples)} without an answer"


def probes_answer() -> Expectation:
    """Every probe and scrape is answered in time, while it lasts."""
    return holds(
        f"each probe and scrape answered within {PROBE_SECONDS:g} s",
        lambda trial: _slowest(trial.samples.probes),
        lambda trial: trial.samples.probes.longest <= PROBE_SECONDS and not trial.samples.probes.failures,
    )


def load_is_fast() -> Expectation:
    """The normal load notices nothing."""
    return holds(
        f"normal load without failures, p99 below {LOAD_P99_SECONDS * 1000:.0f} ms",
        lambda trial: f"p99 {trial.samples.load.p99:.3f} s, {trial.samples.load.failures} failures",
        lambda trial: trial.samples.load.p99 <= LOAD_P99_SECONDS and not trial.samples.load.failures,
    )


def load_recovers() -> Expectation:
    """The normal load is well again soon after the end."""

    def late(trial: Trial) -> Samples:
        return trial.samples.load.between(trial.ended + RECOVERY_SECONDS, trial.finished)

    def ill(trial: Trial) -> int:
        return sum(sample.failed or sample.seconds > RECOVERY_SECONDS for sample in late(trial).samples)

    return holds(
        f"normal load well {RECOVERY_SECONDS:g} s after the end",
        lambda trial: f"{ill(trial)} of {len(late(trial).samples)} requests failed or slow",
        lambda trial: not ill(trial) and bool(late(trial).samples),
    )


UNHARMED = (probes_answer(), load_is_fast())
SURVIVES = (probes_answer(), load_recovers())


def _is_whole(trial: Trial) -> bool:
    return not any(line["event"] == "not JSON" for line in trial.service.lines)


def _last_of_stderr(trial: Trial) -> str:
    return trial.service.stderr.decode(errors="replace").strip().rpartition("\n")[2]


# What holds for every row.
ALWAYS = (
    holds("the row can be carried out", lambda trial: trial.error, lambda trial: not trial.error),
    holds("status 0 after SIGTERM", lambda trial: trial.exit_status, lambda trial: trial.exit_status == "status 0"),
    holds("each line is JSON", lambda trial: next(trial.service.named("not JSON"), ""), _is_whole),
    holds("nothing on standard error", _last_of_stderr, lambda trial: not trial.service.stderr),
)
