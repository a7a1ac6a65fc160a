"""The page that `make demo` prints: the service's signals on one screen."""

import json
from collections.abc import Mapping

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from .alarm import Alarm
from .service import BUILD, SLUG, Service
from .signals import DURATION, Scrape, Signals

SHOWN = ("level", "event", "request_id", "http_route", "http_response_status_code", "error_type", "duration_seconds")


def show(console: Console, service: Service, signals: Signals, alarm: Alarm) -> None:
    """Print all signals, from the probes to the next steps."""
    console.print()
    console.print(Panel(_probes(signals), title="Probes", title_align="left"))
    console.print(Panel(_golden_signals(signals.scrape), title="Golden signals", title_align="left"))
    console.print(Panel(_objectives(signals.scrape), title="Objectives", title_align="left"))
    console.print(Panel(_trace(signals, alarm), title=f"One trace: {signals.trace_id}", title_align="left"))
    console.print(Panel(_page(alarm), title="The page that would go out", title_align="left"))
    console.print(Panel(_next(service), title="Where to look next", title_align="left"))


def _grid(*rows: tuple[str, ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _probes(signals: Signals) -> Table:
    colours = {200: "green"}
    return _grid(
        *(
            (name, f"[{colours.get(status, 'red')}]{status}[/]", f"/health/{name}")
            for name, status in signals.probes.items()
        )
    )


def _golden_signals(scrape: Scrape) -> Table:
    errors = {kind: count for kind, count in scrape.by(f"{DURATION}_count", "error_type").items() if kind}
    routes = scrape.by(f"{DURATION}_count", "http_route")
    lag = scrape.sum("event_loop_lag_seconds_sum") / max(scrape.sum("event_loop_lag_seconds_count"), 1)
    saturation = (
        f"{scrape.sum('http_server_active_requests'):.0f} requests active",
        f"event loop {lag * 1000:.1f} ms late",
        f"{scrape.sum('thread_pool_active_threads'):.0f} of {scrape.sum('thread_pool_max_threads'):.0f} threads busy",
        f"{scrape.sum('process_resident_memory_bytes') / 2**20:.0f} MB",
    )
    return _grid(
        ("latency", f"half within {scrape.quantile(0.5):g} s, 95 % within {scrape.quantile(0.95):g} s"),
        ("traffic", f"{scrape.sum(f'{DURATION}_count'):.0f} requests: {_counts(routes)}"),
        ("errors", _counts(errors) or "none"),
        ("saturation", ", ".join(saturation)),
    )


def _counts(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{count:.0f} {name}" for name, count in counts.items())


def _objectives(scrape: Scrape) -> Table:
    return _grid(
        ("", "objective", "missed by", "budget of this traffic spent"),
        *(
            (
                objective.slo,
                f"{objective.ratio:.2%}" + (f" within {objective.threshold:g} s" if objective.threshold else ""),
                f"{objective.bad:.0f} of {objective.total:.0f}",
                f"[{'red' if objective.spent > 1 else 'green'}]{objective.spent:.0%}[/]",
            )
            for objective in scrape.objectives()
        ),
    )


def invite(console: Console, service: Service) -> None:
    """Print the address of the console on a line of its own, which a terminal makes a link."""
    console.print("Open this page and press Fail, Slow, Block, Flood or Lose a dependency in its section Demo:")
    console.print(service.console.login, soft_wrap=True, style="cyan")


def _page(alarm: Alarm) -> str:
    """What people on call would get."""
    text = f"{alarm.notification}\n\n{alarm.approximates}" if alarm.notification else "none"
    return f"The button Fail was pressed: {alarm.pressed}\n\n{text}".replace("[", r"\[")


def _trace(signals: Signals, alarm: Alarm) -> str:
    picked = ({key: line[key] for key in SHOWN if key in line} for line in signals.lines)
    lines = "\n".join(json.dumps(line).replace("[", r"\[") for line in picked)
    spans = "\n".join(f"{span['ms']:6.1f} ms  {span['name']}  {span['kind']}  {span['status']}" for span in alarm.spans)
    return f"{spans}\n{lines}\nThe same id is an exemplar on its latency bucket, and in the client's problem document."


def _next(service: Service) -> Table:
    base, management = f"http://127.0.0.1:{service.port}", f"http://127.0.0.1:{service.management_port}"
    return _grid(
        (f"curl -i {base}/api/v1/links", "the service"),
        (f"make -C {BUILD / SLUG} look", "the console in the terminal"),
        (f"curl -s {management}/metrics", "every signal, as scraped"),
        (f"curl -s {management}/health", "every check, and why"),
        (f"{BUILD / SLUG}", "the code: start at README.md"),
    )
