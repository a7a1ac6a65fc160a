#!/usr/bin/env python3
"""Judge a release by its own metrics and those of the release it replaces: exit status 0 good, 1 bad, 2 no verdict.

    deploy-gate --new http://127.0.0.1:9701/metrics --old http://127.0.0.1:9601/metrics

It reads the metrics of every instance once a second. It counts what the alert rules count, the bad events of
availability and latency, and its limit is theirs: 14.4 times the error budget.

* Bad: a ratio of bad events above that limit, or above the budget and several times the ratio of the old release.
* No verdict yet: too few requests, or the old release is no better, so the cause may be elsewhere.
* An instance of the new release that restarts or stops answering is bad at once.
"""

import argparse
import http.client
import re
import socket
import sys
import threading
import time
import urllib.parse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

GOOD, BAD, NO_VERDICT = 0, 1, 2

STARTED = "process_start_time_seconds"
NEEDED = {("slo_objective_ratio", "availability"), ("slo_objective_ratio", "latency")}
TIMEOUT_SECONDS = 2  # for one reading
MOST_BYTES = 16 * 1024 * 1024  # of one reading
MISSED_READINGS = 3  # in a row, of one instance, before it counts as gone

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SERIES = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')

Series = tuple[str, Mapping[str, str], float]


class UnreadableError(Exception):
    """An instance does not answer, or does not export the metrics that are needed."""


class RestartedError(Exception):
    """An instance is another process than before: its counters started at zero again."""


class Events(NamedTuple):
    """Numbers of requests: all, failed, those with a latency objective, and slow ones of these."""

    requests: float
    failed: float
    timed: float
    slow: float

    def __sub__(self, earlier: "Events") -> "Events":
        """The events since an earlier reading."""
        return Events(*(now - before for now, before in zip(self, earlier, strict=True)))


class Objectives(NamedTuple):
    """The objectives that the service exports, as ratios, and the latency threshold."""

    availability: float
    latency: float
    threshold: float  # seconds


class Reading(NamedTuple):
    """The metrics of one instance at one time."""

    started: float
    objectives: Objectives
    events: Events


@dataclass(frozen=True)
class Limits:
    """The limits of a verdict, from the command line."""

    requests: int
    failures: int
    burn_rate: float
    factor: float


class Indicator(NamedTuple):
    """One objective: which events are bad, out of which, and its error budget as a ratio."""

    what: str
    bad: Callable[[Events], float]
    all: Callable[[Events], float]
    budget: float
    requests: int  # the fewest requests for which a release can be bad


class Verdict(NamedTuple):
    """An exit status and its reason, for people."""

    status: int
    reason: str


# --- reading --------------------------------------------------------------------------------------------------------


def parse(exposition: str) -> Iterator[Series]:
    """Read Prometheus' text format or OpenMetrics, without exemplars and comments."""
    for line in exposition.splitlines():
        if found := _SERIES.match(line):
            name, labels, value = found.groups()
            yield name, dict(_LABEL.findall(labels or "")), float(value)


def reading(exposition: str) -> Reading:
    """The values that a verdict needs. Raises `UnreadableError` when one is missing."""
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for name, labels, value in parse(exposition):
        if "slo" in labels:
            found[name, labels["slo"], *([labels["outcome"]] if "outcome" in labels else [])] += value
        elif name == STARTED:
            found[name,] = value
    if not {*NEEDED, (STARTED,)} <= found.keys():
        msg = f"exports no slo_objective_ratio for availability and latency, or no {STARTED}"
        raise UnreadableError(msg)
    return Reading(found[STARTED,], _objectives(found), _events(found))


def _objectives(found: Mapping[tuple[str, ...], float]) -> Objectives:
    ratio = "slo_objective_ratio"
    return Objectives(found[ratio, "availability"], found[ratio, "latency"], found["slo_threshold_seconds", "latency"])


def _events(found: Mapping[tuple[str, ...], float]) -> Events:
    name = "slo_events_total"
    failed, slow = (found[name, slo, "bad"] for slo in ("availability", "latency"))
    return Events(found[name, "availability", "good"] + failed, failed, found[name, "latency", "good"] + slow, slow)


def whole(connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
    """Status and body of one answer, in any transfer coding. Raises OSError, HTTPException or UnicodeDecodeError.

    The timeout of a socket is for each piece. This one is for the answer: one that trickles or does not end is cut off.
    """
    connection.connect()
    began, end = time.monotonic(), threading.Timer(TIMEOUT_SECONDS, connection.sock.shutdown, [socket.SHUT_RDWR])
    end.daemon = True
    end.start()
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException):
        if time.monotonic() - began < TIMEOUT_SECONDS:
            raise
        body, answer = b"", None
    finally:
        end.cancel()
    if answer is None or time.monotonic() - began >= TIMEOUT_SECONDS:
        msg = f"no whole answer within {TIMEOUT_SECONDS} s"
        raise TimeoutError(msg)
    if len(body) > MOST_BYTES or answer.length:
        msg = f"more than {MOST_BYTES} bytes" if len(body) > MOST_BYTES else "the answer breaks off"
        raise OSError(msg)
    return answer.status, body.decode()


def fetch(url: str) -> str:
    """Get an instance's metrics, without the proxies that the environment names. Raises `UnreadableError`."""
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=TIMEOUT_SECONDS)
    try:
        status, body = whole(connection, where.path)
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        msg = f"does not answer ({error or type(error).__name__})"
        raise UnreadableError(msg) from None
    finally:
        connection.close()
    if status != http.client.OK:
        msg = f"answers {status}"
        raise UnreadableError(msg)
    return body


class Instance:
    """One process, with its first and its last reading."""

    def __init__(self, url: str) -> None:
        """Read nothing yet."""
        self.url = url
        self.first: Reading | None = None
        self.last: Reading | None = None
        self.missed = 0

    def read(self) -> None:
        """Take one reading. Raises `UnreadableError` once too many are missing in a row, and `RestartedError`."""
        try:
            self.last = reading(fetch(self.url))
        except UnreadableError as error:
            self.missed += 1
            if self.missed >= MISSED_READINGS:
                msg = f"{self.url} {error}"
                raise UnreadableError(msg) from None
            return
        self.missed = 0
        self.first = self.first or self.last
        if self.last.started != self.first.started:
            msg = f"{self.url} has restarted"
            raise RestartedError(msg)


class Slot:
    """All instances of one release."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Create an `Instance` for each address."""
        self.instances = [Instance(url) for url in urls]

    def read(self) -> None:
        """Take one reading of each instance. Raises `UnreadableError` and `RestartedError`."""
        for instance in self.instances:
            instance.read()

    @property
    def events(self) -> Events:
        """The events in all instances since the first reading of each."""
        happened = [i.last.events - i.first.events for i in self.instances if i.first and i.last]
        return Events(*map(sum, zip(*happened, strict=True))) if happened else Events(0, 0, 0, 0)

    @property
    def objectives(self) -> Objectives | None:
        """The objectives of the release, once an instance has been read."""
        return next((instance.last.objectives for instance in self.instances if instance.last), None)


# --- judging --------------------------------------------------------------------------------------------------------


def indicators(objectives: Objectives, limits: Limits) -> tuple[Indicator, ...]:
    """The objectives to judge by. New processes are slow at first, so latency needs more requests than availability."""
    slow = f"took longer than {objectives.threshold:g} s"
    return (
        Indicator("failed", attrgetter("failed"), attrgetter("requests"), 1 - objectives.availability, 0),
        Indicator(slow, attrgetter("slow"), attrgetter("timed"), 1 - objectives.latency, limits.requests),
    )


def judge(new: Events, old: Events, objectives: Objectives, limits: Limits) -> Verdict:
    """Judge the new release by all objectives. The worst verdict counts."""
    verdicts = [judge_by(indicator, new, old, limits) for indicator in indicators(objectives, limits)]
    return max(verdicts, key=lambda verdict: (GOOD, NO_VERDICT, BAD).index(verdict.status))


def judge_by(indicator: Indicator, new: Events, old: Events, limits: Limits) -> Verdict:
    """Judge the new release by one objective."""
    bad, requests, of_old = indicator.bad(new), indicator.all(new), indicator.all(old)
    ratio = bad / max(requests, 1)
    limit = limits.burn_rate * indicator.budget
    reason = f"{percent(ratio)} of {requests:.0f} requests {indicator.what}"
    if comparable := of_old >= limits.requests:
        ratio_of_old = indicator.bad(old) / of_old
        reason += f", the old release {percent(ratio_of_old)} of {of_old:.0f}"
    reason += f" (limit {percent(limit)})"
    worse = ratio > (max(indicator.budget, limits.factor * ratio_of_old) if comparable else limit)
    if worse and bad >= limits.failures and requests >= indicator.requests:
        return Verdict(BAD, reason)
    if new.requests < limits.requests:
        return Verdict(NO_VERDICT, f"{new.requests:.0f} requests are not enough, {limits.requests} are needed")
    return Verdict(NO_VERDICT if ratio > limit else GOOD, reason)


def percent(ratio: float) -> str:
    """A ratio in per cent."""
    return f"{100 * ratio:.2f} %"


def look(new: Slot, old: Slot, limits: Limits) -> tuple[Verdict, Slot]:
    """Read both slots once and judge. Returns the verdict, and the old slot to compare with next time."""
    try:
        new.read()
    except (UnreadableError, RestartedError) as error:
        return Verdict(BAD, str(error)), old
    try:
        old.read()
    except (UnreadableError, RestartedError):
        old = Slot([])  # an old release that fails cannot be compared with
    if new.objectives is None:
        return Verdict(NO_VERDICT, "the new release has not been read yet"), old
    return judge(new.events, old.events, new.objectives, limits), old


def watch(new: Slot, old: Slot, limits: Limits, options: argparse.Namespace) -> Verdict:
    """Judge repeatedly: until the release is bad, or good for `seconds`, or `timeout` is over."""
    began = time.monotonic()
    while True:
        verdict, old = look(new, old, limits)
        watched = time.monotonic() - began
        if verdict.status == BAD or (verdict.status == GOOD and watched >= options.seconds):
            return verdict
        if watched >= max(options.timeout, options.seconds):
            return Verdict(NO_VERDICT, f"{verdict.reason}, even after {watched:.0f} s")
        time.sleep(options.interval)


# --- the command ----------------------------------------------------------------------------------------------------


def address(text: str) -> str:
    """Check an address before the start: a wrong one must not count against the release."""
    where = urllib.parse.urlsplit(text)
    if where.scheme != "http" or not where.hostname or not where.path:
        msg = f"{text!r} must be the address of metrics, such as http://127.0.0.1:9464/metrics"
        raise argparse.ArgumentTypeError(msg)
    return text


def at_least(least: float, kind: Callable[[str], float]) -> Callable[[str], float]:
    """A converter for arguments that must be a number, `least` or more."""

    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not value >= least:
            msg = f"{text!r} must be a number, {least:g} or more"
            raise argparse.ArgumentTypeError(msg)
        return value

    return number


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    description, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        "deploy-gate", description=description, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--new", nargs="+", required=True, type=address, metavar="URL", help="metrics of the new release's instances")
    add("--old", nargs="+", default=[], type=address, metavar="URL", help="metrics of the old release's instances")
    add("--seconds", default=60, type=at_least(0, float), help="shortest time to watch (%(default)s)")
    add("--timeout", default=600, type=at_least(0, float), help="longest time to wait for a verdict (%(default)s)")
    add("--interval", default=1, type=at_least(0.1, float), help="seconds between two readings (%(default)s)")
    add("--requests", default=50, type=at_least(1, int), help="fewest requests for a verdict (%(default)s)")
    add("--failures", default=5, type=at_least(1, int), help="fewest bad events of a bad release (%(default)s)")
    add("--burn-rate", default=14.4, type=at_least(0, float), help="limit, in error budgets (%(default)s)")
    add("--factor", default=3, type=at_least(1, float), help="limit, in ratios of the old release (%(default)s)")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Watch the release and print the verdict in one sentence. Returns the exit status."""
    options = arguments(words)
    limits = Limits(options.requests, options.failures, options.burn_rate, options.factor)
    verdict = watch(Slot(options.new), Slot(options.old), limits, options)
    print({GOOD: "good", BAD: "bad", NO_VERDICT: "no verdict"}[verdict.status] + f": {verdict.reason}")  # noqa: T201
    return verdict.status


if __name__ == "__main__":
    sys.exit(main())
