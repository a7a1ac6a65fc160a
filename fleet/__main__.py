"""`python -m fleet FOLDER` prints the services in a folder; with --update it updates them in waves.

Exit status 0 when every service is up to date or updated, 1 when one is not, 2 for bad use, 130 when interrupted. The
table alone ends with 0 unless a service cannot be read, its support has ended or its doctor has findings.
"""

import argparse
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from . import findings, newest, table, waves
from .checkouts import Checkout, FolderError, find
from .update import ALREADY, CONFLICT, CURRENT, RED, REFUSED, UPDATED, Commands, Outcome

FAILED, BAD_USE, INTERRUPTED = 1, 2, 130
WORDS = (UPDATED, ALREADY, CURRENT, REFUSED, CONFLICT, RED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or update. Returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        sizes = waves.sizes(options.waves)
        services, others = find(options.folder)
        _check_names(options.leave, services)
    except (FolderError, waves.WavesError) as error:
        print(error, file=sys.stderr)
        return BAD_USE
    ignored = f"{len(others)} folder{'s' if len(others) != 1 else ''} without a service ignored"
    if not options.update:
        status = _print_table(services, ask_doctors=options.doctor)
        print(f"\n{_number(services)}, {ignored}")
        return status
    return _update([each for each in services if each.name not in options.leave], sizes, options, ignored)


def _check_names(given: Sequence[str], services: Sequence[Checkout]) -> None:
    """Raise `FolderError` for a name that no service has: it would be updated under its right name."""
    if unknown := sorted(set(given) - {service.name for service in services}):
        msg = f"EXCEPT names {', '.join(unknown)}, and no service has that name."
        raise FolderError(msg)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m fleet", description="The services in a folder of checkouts.")
    parser.add_argument("folder", help="the folder that holds the checkouts")
    parser.add_argument("--doctor", action="store_true", help="ask each service's doctor; installs its environment")
    parser.add_argument("--update", action="store_true", help="update the services, each on a branch of its own")
    parser.add_argument("--waves", default="1,10,all", help="how many services are updated before the next wave")
    parser.add_argument("--leave", action="append", default=[], metavar="NAME", help="a service to leave alone")
    parser.add_argument("--test", default=Commands.test, help="the command that must be green after an update")
    parser.add_argument("--push", action="store_true", help="push each green branch to origin")
    return parser


def _print_table(services: Sequence[Checkout], *, ask_doctors: bool) -> int:
    today = datetime.now(UTC).date()
    found = newest.ask(services)
    doctors = {each: findings.ask(each) for each in services} if ask_doctors else {}
    for line in table.aligned(list(table.rows(services, found, today, doctors))):
        print(line)
    for reason in dict.fromkeys(filter(None, map(found.reason, services))):
        print(f"a template cannot be reached: {reason}")
    for each in services:
        if each.fault:
            print(f"{each.name} cannot be read: {each.fault}")
    for each, (_, reason) in doctors.items():
        if reason:
            print(f"the doctor of {each.name} does not answer: {reason}")
    bad = any(each.fault or (each.supported_until and each.supported_until < today) for each in services)
    return FAILED if bad or any(text != "none" for text, _ in doctors.values()) else 0


def _update(
    services: Sequence[Checkout], sizes: Sequence[int | None], options: argparse.Namespace, ignored: str
) -> int:
    found = newest.ask(services)
    outcomes = dict(waves.prepare(services, found))
    divided = list(waves.divide([each for each in services if each.name not in outcomes], sizes))
    commands = Commands(test=options.test, push=options.push)
    for outcome in outcomes.values():
        if outcome.word == REFUSED:
            print(f"{outcome.name} is refused: it {outcome.sentence}")
    updates = waves.run(divided, found, commands, say=lambda line: print(line, flush=True))
    try:
        for outcome in updates:
            outcomes[outcome.name] = outcome
    except KeyboardInterrupt:
        waiting = next((each.name for wave in divided for each in wave if each.name not in outcomes), "none")
        print(f"interrupted at {waiting}: its checkout is unchanged, and nothing of its update is left")
        _summary(services, outcomes, ignored)
        return INTERRUPTED
    _summary(services, outcomes, ignored)
    good = all(service.name in outcomes and outcomes[service.name].good for service in services)
    return 0 if good else FAILED


def _summary(services: Sequence[Checkout], outcomes: Mapping[str, Outcome], ignored: str) -> None:
    counts = Counter(outcome.word for outcome in outcomes.values())
    told = [f"{counts[word]} {word}" for word in WORDS if counts[word]]
    left = [service.name for service in services if service.name not in outcomes]
    told += [f"{len(left)} not started ({', '.join(left)})"] if left else []
    print(f"\n{_number(services)}: {', '.join(told) or 'all are named in EXCEPT'}; {ignored}")


def _number(services: Sequence[Checkout]) -> str:
    return f"{len(services)} service{'s' if len(services) != 1 else ''}"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted before anything was updated", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
