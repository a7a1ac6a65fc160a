#!/usr/bin/env python3
"""Judge a release by its own metrics, beside the release it replaces: exit status 0 good, 1 bad, 2 no verdict in time.

    deploy-gate --new http://127.0.0.1:9701/metrics --old http://127.0.0.1:9601/metrics

Both are read every second, from where they say it themselves; nothing else is needed. What counts as bad, and how much
of it, is what the alert rules count: the bad events of availability and latency, and 14.4 times the budget that the
objectives leave.

* Bad: more than that limit, or more than the budget and several times what the old release has in the same seconds.
* No verdict yet: too few requests, or the old release does no better, so that this one may not be to blame.
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
    """An instance does not say what is needed."""


class RestartedError(Exception):
    """An instance is not the process it was: its counters began anew."""


class Events(NamedTuple):
    """Requests that ended, what was wrong with them, and those that a latency objective holds."""

    requests: float
    failed: float
    timed: float
    slow: float

    def __sub__(self, earlier: "Events") -> "Events":
        """What happened since."""
        return Events(*(now - before for now, before in zip(self, earlier, strict=True)))


class Objectives(NamedTuple):
    """What the service promises, as it exports it."""

    availability: float
    latency: float
    threshold: float  # seconds


class Reading(NamedTuple):
    """What one instance said about itself."""

    started: float
    objectives: Objectives
    events: Events


@dataclass(frozen=True)
class Limits:
    """How much is too much, and how little is too little."""

    requests: int
    failures: int
    burn_rate: float
    factor: float


class Indicator(NamedTuple):
    """What is looked at, and how much of it was promised."""

    what: str
    bad: Callable[[Events], float]
    all: Callable[[Events], float]
    budget: float
    requests: int  # so many are needed to call a release bad


class Verdict(NamedTuple):
    """A judgement and its reason, for people."""

    status: int
    reason: str


# --- reading --------------------------------------------------------------------------------------------------------


def parse(exposition: str) -> Iterator[Series]:
    """Read Prometheus' text or OpenMetrics; exemplars and comments are left out."""
    for line in exposition.splitlines():
        if found := _SERIES.match(line):
            name, labels, value = found.groups()
            yield name, dict(_LABEL.findall(labels or "")), float(value)


def reading(exposition: str) -> Reading:
    """Find in an exposition what matters here. Raises `UnreadableError`."""
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
    """Ask an instance for its metrics, past any proxy the environment names. Raises `UnreadableError`."""
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
    """One process, from the first reading on."""

    def __init__(self, url: str) -> None:
        """Nothing has been read yet."""
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
        """Each instance is read by itself."""
        self.instances = [Instance(url) for url in urls]

    def read(self) -> None:
        """Take one reading of each instance. Raises `UnreadableError` and `RestartedError`."""
        for instance in self.instances:
            instance.read()

    @property
    def events(self) -> Events:
        """What happened in all instances since the first reading of each."""
        happened = [i.last.events - i.first.events for i in self.instances if i.first and i.last]
        return Events(*map(sum, zip(*happened, strict=True))) if happened else Events(0, 0, 0, 0)

    @property
    def objectives(self) -> Objectives | None:
        """What the release promises, once an instance has said it."""
        return next((instance.last.objectives for instance in self.instances if instance.last), None)


# --- judging --------------------------------------------------------------------------------------------------------


def indicators(objectives: Objectives, limits: Limits) -> tuple[Indicator, ...]:
    """Say what is looked at. A new process is slow: a few slow requests prove less than a few failed ones."""
    slow = f"took longer than {objectives.threshold:g} s"
    return (
        Indicator("failed", attrgetter("failed"), attrgetter("requests"), 1 - objectives.availability, 0),
        Indicator(slow, attrgetter("slow"), attrgetter("timed"), 1 - objectives.latency, limits.requests),
    )


def judge(new: Events, old: Events, objectives: Objectives, limits: Limits) -> Verdict:
    """Judge the new release by all of its objectives: the worst verdict counts."""
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
    """Write a ratio as people read it."""
    return f"{100 * ratio:.2f} %"


def look(new: Slot, old: Slot, limits: Limits) -> tuple[Verdict, Slot]:
    """Read both slots once and judge. Returns the old slot to compare with from now on, too."""
    try:
        new.read()
    except (UnreadableError, RestartedError) as error:
        return Verdict(BAD, str(error)), old
    try:
        old.read()
    except (UnreadableError, RestartedError):
        old = Slot([])  # whatever it does now is no measure for others
    if new.objectives is None:
        return Verdict(NO_VERDICT, "the new release has not been read yet"), old
    return judge(new.events, old.events, new.objectives, limits), old


def watch(new: Slot, old: Slot, limits: Limits, options: argparse.Namespace) -> Verdict:
    """Look again and again: until it is bad, or good for long enough, or no verdict can be waited for any longer."""
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
    """Check an address early: a mistake here is not the release's fault."""
    where = urllib.parse.urlsplit(text)
    if where.scheme != "http" or not where.hostname or not where.path:
        msg = f"{text!r} must be the address of metrics, such as http://127.0.0.1:9464/metrics"
        raise argparse.ArgumentTypeError(msg)
    return text


def at_least(least: float, kind: Callable[[str], float]) -> Callable[[str], float]:
    """Make a check of a number."""

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
    add("--new", nargs="+", required=True, type=address, metavar="URL", help="the instances of the new release")
    add("--old", nargs="+", default=[], type=address, metavar="URL", help="the instances of the old release")
    add("--seconds", default=60, type=at_least(0, float), help="watch at least so long (%(default)s)")
    add("--timeout", default=600, type=at_least(0, float), help="wait no longer for a verdict (%(default)s)")
    add("--interval", default=1, type=at_least(0.1, float), help="seconds between two readings (%(default)s)")
    add("--requests", default=50, type=at_least(1, int), help="fewer are no verdict (%(default)s)")
    add("--failures", default=5, type=at_least(1, int), help="fewer never make a release bad (%(default)s)")
    add("--burn-rate", default=14.4, type=at_least(0, float), help="limit, in budgets (%(default)s)")
    add("--factor", default=3, type=at_least(1, float), help="limit, in ratios of the old release (%(default)s)")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Watch, say one sentence, and end with the verdict."""
    options = arguments(words)
    limits = Limits(options.requests, options.failures, options.burn_rate, options.factor)
    verdict = watch(Slot(options.new), Slot(options.old), limits, options)
    print({GOOD: "good", BAD: "bad", NO_VERDICT: "no verdict"}[verdict.status] + f": {verdict.reason}")  # noqa: T201
    return verdict.status


if __name__ == "__main__":
    sys.exit(main())
