"""`python -m demo`. Exit status 0 when every expected signal was there."""

import os
import sys

from rich.console import Console

from . import page, service, signals, traffic
from .alarm import raise_alarm

FAILED = 1
BAD_DURATION = 2


def main() -> int:
    """Show one service from its generation to its drain."""
    console = Console(highlight=False)
    try:
        duration = float(os.environ["DURATION"]) if os.environ.get("DURATION") else None
    except ValueError:
        console.print(f"DURATION must be a number of seconds, such as 20, not {os.environ['DURATION']!r}.")
        return BAD_DURATION
    try:
        return _demonstrate(console, duration)
    except service.DemoError as error:
        console.print(f"[red]The demo stopped:[/] {error}")
        return FAILED


def _demonstrate(console: Console, duration: float | None) -> int:
    console.print(f"Generating a service with the component http_client into {service.BUILD} ...")
    directory = service.generate()
    console.print("Installing it ...")
    service.install(directory)
    console.print("Starting it and sending it traffic ...")
    running = service.Service(directory)
    missing = ["every signal, because of Ctrl-C"]
    try:
        seen = signals.read(running, traffic.drive(running.port))
        alarm = raise_alarm(running.console, seen.trace_id)
        missing = [*seen.missing, *alarm.missing]
        page.show(console, running, seen, alarm)
        for sentence in missing:
            console.print(f"[red]Missing:[/] {sentence}.")
        page.invite(console, running)
        console.print("Serving until Ctrl-C ..." if duration is None else f"Serving for {duration:g} s ...")
        with traffic.steady(running.port):
            running.wait(duration)
    except KeyboardInterrupt:
        console.print()
    finally:
        console.print("Draining ...")
        status = running.stop()
    console.print(f"The service ended with exit status {status}.")
    return FAILED if missing or status else 0


if __name__ == "__main__":
    sys.exit(main())
