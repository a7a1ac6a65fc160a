"""Generate, measure, print, clean up."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import yaml

from . import __doc__ as description
from .fleet import INSTANCES, OBJECTIVES, SCRAPE, service_series
from .prometheus import Cost, cost, prometheus
from .series import HOUR, MINUTE, write_blocks
from .usual import usual_rules, usual_series

RULES = Path(__file__).parents[2] / "alerts" / "rules"


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
    """Generate the series, let Prometheus evaluate every rule, and remove the series."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--usual-services", type=int, default=10)
    arguments = parser.parse_args()
    end = int(time.time()) // HOUR * HOUR
    directory = Path(tempfile.mkdtemp(prefix="alerts-scale-"))
    try:
        fleet = (one for index in range(arguments.services) for one in service_series(f"s{index:04}"))
        usual = (one for index in range(arguments.usual_services) for one in usual_series(f"{index:04}"))
        began = time.monotonic()
        write_blocks(directory, end, (one for source in (fleet, usual) for one in source))
        print(f"series generated in {time.monotonic() - began:.0f} s", file=sys.stderr)
        with prometheus(directory) as base:
            return 0 if report(base, end, arguments.services, arguments.usual_services) else 1
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
