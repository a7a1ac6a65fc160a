"""The summary as text for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..terminal import Paint, printable
from . import table
from .formats import age, duration, number, percent, since
from .summary import Summary

LITTLE = 0.25  # of a budget


def lines(found: Summary, origin: str, paint: Paint) -> Iterator[str]:
    """All lines. `origin` is the address of the management port."""
    service = found.service
    running = age(found.now - service["started_at"])
    name = f"{service['serviceId']} {service['version']}"
    yield paint(printable(name), "bold") + f", {printable(service['environment'])}, for {running}: {origin}/console"
    if found.blocked_ms:
        blocked = duration(found.blocked_ms / 1000)
        yield paint(f"The event loop is blocked for {blocked}: make look TWIN=stalls shows by what.", "red")
    yield from _part("Routes in the last minute", _routes(found, paint), "no request", paint)
    yield from _part("Error budget since the start", _budget(found, paint), "no objective", paint)
    yield from _part("Alerts that would fire", _alerts(found, paint), "none", paint)
    yield from _part("Checks that do not pass", _checks(found, paint), "none", paint)
    yield from _part("Last errors", _errors(found, paint), "none", paint)


def _part(title: str, body: Iterator[str], empty: str, paint: Paint) -> Iterator[str]:
    yield ""
    yield paint(title, "bold")
    yield from list(body) or [f"  {paint(empty, 'dim')}"]


def _routes(found: Summary, paint: Paint) -> Iterator[str]:
    rows = [
        (each["route"], number(each["rate"]), duration(each["p50"]), duration(each["p99"]), percent(each["errors"]))
        for each in found.routes
    ]
    if rows:
        yield from table.lines(("route", "requests/s", "p50", "p99", "errors"), rows, paint)


def _budget(found: Summary, paint: Paint) -> Iterator[str]:
    heading = ("objective", "good", "bad", "budget left", "burn rate")
    rows = [
        (
            f"{each['slo']} {percent(each['objective'])}",
            *(number(each["good"]), number(each["bad"])),
            *(percent(each["budget_left"]), number(each["burn_rate"])),
        )
        for each in found.budget
    ]
    if rows:
        for line, each in zip(table.lines(heading, rows, paint), (None, *found.budget), strict=True):
            yield paint(line, "red") if each is not None and each["budget_left"] < LITTLE else line


def _alerts(found: Summary, paint: Paint) -> Iterator[str]:
    for each in found.alerts:
        name = paint(f"{each['priority']} {each['name']}", "red")
        yield f"  {name} since {since(each['since'])}: {printable(each['summary'])}"


def _checks(found: Summary, paint: Paint) -> Iterator[str]:
    for each in found.checks:
        if each["status"] != "pass":
            style = "red" if each["critical"] else "yellow"
            why = f": {printable(each['output'])}" if each["output"] else ""
            yield f"  {paint(printable(each['name']), style)} {each['status']}{why}"


def _errors(found: Summary, paint: Paint) -> Iterator[str]:
    for each in found.errors:
        yield f"  {_request(each, paint)}"
        if each["trace_id"]:
            yield paint(f"           make look TWIN='requests/{each['trace_id']}?seq={each['seq']}'", "dim")


def _request(each: Mapping[str, Any], paint: Paint) -> str:
    what = f"{each['method']} {each['path']}"
    kind = f" {each['error_type']}" if each["error_type"] != str(each["status"]) else ""
    outcome = paint(f"{each['status']}{printable(kind)}", "red")
    return f"{paint(since(each['time']), 'dim')} {printable(what)} {outcome} {duration(each['ms'] / 1000)}"
