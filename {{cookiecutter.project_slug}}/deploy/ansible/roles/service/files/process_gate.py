#!/usr/bin/env python3
"""Judge the processes of a release that serve no requests, such as workers, by their own metrics.

    process-gate --new worker=http://127.0.0.1:9901/metrics --within 60
    process-gate --new worker=http://127.0.0.1:9901/metrics --old worker=http://127.0.0.1:9801/metrics -- COMMAND

Without a command: wait until each process is ready. Exit status 0, or 1 when one is not ready in time.
With a command, which is deploy-gate: run it, and read both releases every second meanwhile. When a process is bad, the
command is ended and the exit status is 1. When a process is still not ready at the command's end, it is 2. Otherwise it
is the command's.

* Bad, with at least five bad events: a ratio of bad events above 14.4 times the budget of an objective, or above the
  budget and three times the ratio of the old release; or more than three times its unhandled errors. A process without
  events is not bad, because there may be no work.
* A process that restarts, stops answering or stops being ready is bad at once. When the old release is not ready
  either, there is no verdict, because the cause may be elsewhere.
"""

import argparse
import http.client
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

Counts = defaultdict[str, float]

GOOD, BAD, NO_VERDICT = 0, 1, 2

BURN_RATE = 14.4  # limit, as a multiple of the error budget: the burn rate that pages
FACTOR = 3  # limit, as a multiple of the old release's ratio or number
FAILURES = 5  # the fewest bad events that make a release bad
EVENTS = 50  # the fewest events of the old release to compare with
TIMEOUT_SECONDS = 2  # for one reading
MOST_BYTES = 16 * 1024 * 1024  # of one reading
MISSED_READINGS = 3  # in a row before a process counts as gone, or as not ready

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SERIES = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
ERRORS = "unhandled errors"


class BadError(Exception):
    """Why a process is bad, in one sentence."""


class Reading(NamedTuple):
    """The metrics of one process at one time."""

    started: float
    ready: bool
    budgets: dict[str, float]  # by objective
    bad: Counts  # events by objective, and unhandled errors
    all: Counts  # events by objective


def reading(exposition: str) -> Reading:
    """Read the values that a verdict needs from Prometheus' text format or OpenMetrics. Missing ones are zero."""
    values: Counts = defaultdict(float)
    budgets: dict[str, float] = {}
    bad: Counts = defaultdict(float)
    every: Counts = defaultdict(float)
    for name, found, value in filter(None, map(_series, exposition.splitlines())):
        labels = dict(_LABEL.findall(found or ""))
        if name == "slo_objective_ratio":
            budgets[labels["slo"]] = 1 - value
        elif name == "slo_events_total":
            every[labels["slo"]] += value
            bad[labels["slo"]] += value * (labels["outcome"] == "bad")
        elif name == "unhandled_errors_total":
            bad[ERRORS] += value
        elif name in {"process_start_time_seconds", "service_ready"}:
            values[name] = value
    return Reading(values["process_start_time_seconds"], values["service_ready"] == 1, budgets, bad, every)


def _series(line: str) -> tuple[str, str, float] | None:
    found = _SERIES.match(line)
    return (found[1], found[2], float(found[3])) if found else None


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


class Process:
    """One process, with its first and its last reading."""

    def __init__(self, kind: str, url: str) -> None:
        """Read nothing yet."""
        self.kind = kind
        self.name = f"the {kind} at {url}"
        self._url = urllib.parse.urlsplit(url)
        self.first: Reading | None = None
        self.last: Reading | None = None
        self.missed = ""
        self._unread = self._unready = 0

    def read(self) -> None:
        """Take one reading."""
        try:
            self.last = reading(self._fetch())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.missed = str(error) or type(error).__name__
            self._unread += 1
            return
        self._unread = 0
        self._unready = 0 if self.last.ready else self._unready + 1
        self.first = self.first or self.last

    def _fetch(self) -> str:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=TIMEOUT_SECONDS)
        try:
            status, body = whole(connection, self._url.path)
        finally:
            connection.close()
        if status != http.client.OK:
            msg = f"status {status}"
            raise ValueError(msg)
        return body

    @property
    def gone(self) -> bool:
        """Whether it has stopped answering."""
        return self._unread >= MISSED_READINGS

    @property
    def unready(self) -> bool:
        """Whether it has stopped being ready."""
        return self._unready >= MISSED_READINGS

    @property
    def ready(self) -> bool:
        """Whether it was ready at the last reading."""
        return self.last is not None and self.last.ready and not self._unread

    @property
    def restarted(self) -> bool:
        """Whether it is another process than at the first reading."""
        return bool(self.first and self.last and self.last.started != self.first.started)


class Kind:
    """All processes of one kind in one release."""

    def __init__(self, processes: Sequence[Process]) -> None:
        """Sum the events of `processes`, which have been read."""
        self.processes = processes
        self.bad: Counts = defaultdict(float)
        self.all: Counts = defaultdict(float)
        self.budgets: dict[str, float] = {}
        for process in processes:
            if process.first and process.last:
                _add(self.bad, process.last.bad, process.first.bad)
                _add(self.all, process.last.all, process.first.all)
                self.budgets |= process.last.budgets


def _add(counts: Counts, last: Counts, first: Counts) -> None:
    for name, count in last.items():
        counts[name] += count - first[name]


def judge(new: Kind, old: Kind) -> None:
    """Judge one kind of process. Raises `BadError`."""
    old_is_unready = any(process.unready for process in old.processes)
    for process in new.processes:
        if process.gone:
            msg = f"{process.name} does not answer ({process.missed})"
            raise BadError(msg)
        if process.restarted:
            msg = f"{process.name} has restarted"
            raise BadError(msg)
        if process.unready and not old_is_unready:
            msg = f"{process.name} is no longer ready"
            raise BadError(msg)
    kind = next((process.kind for process in new.processes), "")
    if new.bad[ERRORS] >= FAILURES and new.bad[ERRORS] > FACTOR * old.bad[ERRORS]:
        msg = f"{new.bad[ERRORS]:.0f} unhandled errors in the {kind}, in the old release {old.bad[ERRORS]:.0f}"
        raise BadError(msg)
    for objective, budget in new.budgets.items():
        _judge_by(objective, budget, new, old, kind)


def _judge_by(objective: str, budget: float, new: Kind, old: Kind, kind: str) -> None:
    bad, every = new.bad[objective], new.all[objective]
    limit, told = BURN_RATE * budget, ""
    if old.all[objective] >= EVENTS:
        of_old = old.bad[objective] / old.all[objective]
        limit, told = max(budget, FACTOR * of_old), f", in the old release {100 * of_old:.2f} %"
    if bad >= FAILURES and bad / every > limit:
        ratio = f"{100 * bad / every:.2f} % of {every:.0f} events of {objective} failed in the {kind}"
        msg = f"{ratio}{told} (limit {100 * limit:.2f} %)"
        raise BadError(msg)


def look(new: Sequence[Process], old: Sequence[Process]) -> None:
    """Read every process once and judge each kind. Raises `BadError`."""
    for process in [*new, *old]:
        process.read()
    for kind in dict.fromkeys(process.kind for process in new):
        judge(*(Kind([process for process in release if process.kind == kind]) for release in (new, old)))


def wait_until_ready(new: Sequence[Process], seconds: float, interval: float) -> str:
    """Wait until each is ready. Returns a sentence that names those that are not, or an empty string."""
    end = time.monotonic() + seconds
    while True:
        for process in new:
            process.read()
        late = [process.name for process in new if not process.ready]
        if not late or time.monotonic() >= end:
            return f"{' and '.join(late)} did not become ready within {seconds:g} s" if late else ""
        time.sleep(interval)


def watch(new: Sequence[Process], old: Sequence[Process], command: Sequence[str], interval: float) -> tuple[int, str]:
    """Run the command and judge the processes until it ends. Returns an exit status and why it is not the command's."""
    with subprocess.Popen(command) as gate:  # noqa: S603 - running the given command is its purpose
        try:
            while gate.poll() is None:
                look(new, old)
                try:
                    gate.wait(interval)
                except subprocess.TimeoutExpired:
                    continue
        except BadError as error:
            return BAD, f"bad: {error}"
        finally:
            gate.terminate()
    late = [process.name for process in new if not process.ready]
    if late and gate.returncode == GOOD:
        return NO_VERDICT, f"no verdict: {' and '.join(late)} is not ready, nor is the old release"
    return gate.returncode, ""


def kind_and_url(text: str) -> tuple[str, str]:
    """Check an address before the start: a wrong one must not count against the release."""
    kind, _, url = text.partition("=")
    where = urllib.parse.urlsplit(url)
    if not kind or where.scheme != "http" or not where.hostname or not where.path:
        msg = f"{text!r} must be a kind and where its metrics are, such as worker=http://127.0.0.1:9465/metrics"
        raise argparse.ArgumentTypeError(msg)
    return kind, url


def main(words: Sequence[str]) -> int:
    """Wait or watch, and print in one sentence what is wrong. Returns the exit status."""
    own, command = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    description, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        "process-gate", description=description, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--new", nargs="*", default=[], type=kind_and_url, metavar="KIND=URL", help="the new release")
    parser.add_argument("--old", nargs="*", default=[], type=kind_and_url, metavar="KIND=URL", help="the old release")
    parser.add_argument("--within", default=60, type=float, metavar="SECONDS", help="time to wait (%(default)s)")
    parser.add_argument("--interval", default=1, type=float, help="seconds between two readings (%(default)s)")
    options = parser.parse_args(own)
    new = [Process(*address) for address in options.new]
    if command:
        status, sentence = watch(new, [Process(*address) for address in options.old], command, options.interval)
    else:
        sentence = wait_until_ready(new, options.within, options.interval)
        status = BAD if sentence else GOOD
    if sentence:
        print(sentence)  # noqa: T201 - a command says why it fails
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
