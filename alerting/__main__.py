"""Write the routes of teams or the rules of exceptions: `make routes`, `make exceptions`; CHECK=1 only checks."""

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from . import exception_rules, routes
from .fault import FaultError

ALERTS = Path(__file__).resolve().parent.parent / "alerts"


def main() -> int:
    """Write one file, or say what is wrong with it. Status 1 if something is, 2 for bad arguments."""
    arguments = _arguments()
    try:
        return _check(arguments) if arguments.check else _write(arguments)
    except (FaultError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m alerting", description="Write what Alertmanager and Prometheus load."
    )
    parser.add_argument(
        "what", choices=_WHAT, help="routes: from alertmanager/teams.toml; exceptions: from exceptions.toml"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; name what is out of date or has ended")
    parser.add_argument("--alerts", type=Path, default=ALERTS, help="the directory with rules/ and alertmanager/")
    return parser.parse_args()


def _routes(alerts: Path) -> tuple[Path, str]:
    directory = alerts / "alertmanager"
    return directory / routes.CONFIGURATION, routes.rendered(directory)


def _exceptions(alerts: Path) -> tuple[Path, str]:
    return alerts / exception_rules.RULES, exception_rules.rendered(alerts)


_WHAT: dict[str, Callable[[Path], tuple[Path, str]]] = {"routes": _routes, "exceptions": _exceptions}


def _write(arguments: argparse.Namespace) -> int:
    file, text = _WHAT[arguments.what](arguments.alerts)
    file.write_text(text, encoding="utf-8")
    print(f"{file} is written. Reload {'Alertmanager' if arguments.what == 'routes' else 'Prometheus'}.")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    sentences = list(_complaints(arguments.what, arguments.alerts))
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return 1 if sentences else 0


def _complaints(what: str, alerts: Path) -> Iterator[str]:
    file, text = _WHAT[what](alerts)
    if not file.is_file() or file.read_text("utf-8") != text:
        yield f"{file.name} is out of date; run: make {what}"
    for each in exception_rules.exceptions(alerts) if what == "exceptions" else ():
        if each.ends <= datetime.now(UTC):
            yield f"{exception_rules.TABLE}: {each} ended on {each.until}; remove it, or give it a later end."


if __name__ == "__main__":
    sys.exit(main())
