"""Measure what observability costs: `python -m bench [--only cpu,latency] [--rounds N] [--requests N] [--write]`."""

import argparse
import fcntl
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from textwrap import fill

from . import (
    api,
    blog,
    cache,
    cardinality,
    client,
    console,
    cpu,
    database,
    generation,
    instructions,
    latency,
    memory,
    scrape,
    start,
)
from .environments import BUILD, CACHE, CLIENT, DATABASE, Environments, prepare
from .interpreter import Interpreter, choose
from .machine import UnfitError, cores, describe, load_average
from .page import others, page, replace
from .processes import ROOT, FailedError
from .report import WIDTH, Section
from .rig import Amounts, Rig
from .scaling import arithmetic
from .summary import into, summary

ROUNDS = 15
REQUESTS = 6_000
TERMINATED = 143
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
SCALING = ROOT / "docs" / "scaling.md"
SETTING = (
    "Every server is one process on uvicorn with uvloop and httptools unless said otherwise, on a core of its own; the "
    "load (`bench/load.py`), the OTLP sink and the reader of the log lines share another. All of it on loopback."
)
PARTS: Mapping[str, Callable[[Rig], Section]] = {
    "cpu": cpu.measure,
    "api": api.measure,
    "instructions": instructions.measure,
    "latency": latency.measure,
    "start": start.measure,
    "memory": memory.measure,
    "cardinality": cardinality.measure,
    "scrape": scrape.measure,
    "console": console.measure,
    "generation": generation.measure,
    "database": database.measure,
    "blog": blog.measure,
    "cache": cache.measure,
    "client": client.measure,
}
NEEDED = {
    **dict.fromkeys(("cpu", "instructions", "start"), "conventional"),
    "api": "fastapi",
    "generation": "generator",
    **dict.fromkeys(("database", "blog"), DATABASE),
    "cache": CACHE,
    "client": CLIENT,
}
# They say themselves when and where they were measured.
ALONE = frozenset({"console", "database", "blog", "cache", "client"})
CORE = [name for name in PARTS if name not in ALONE]  # measured and published together


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen parts and say what they found."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that what was started is ended
    try:
        with _alone():
            interpreter = choose(options.python)
            if options.write:
                _refuse_to_write(options, interpreter)
            _run(options, interpreter)
    except (UnfitError, FailedError) as error:
        say(str(error))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what observability costs.")
    parser.add_argument("--rounds", type=_positive, default=ROUNDS, help=f"interleaved rounds ({ROUNDS})")
    parser.add_argument(
        "--requests", type=_positive, default=REQUESTS, help=f"requests of a count ({REQUESTS}); scales the other parts"
    )
    parser.add_argument("--only", type=_parts, default=list(PARTS), help=f"core, or a comma list of {', '.join(PARTS)}")
    parser.add_argument("--python", default="", help="the interpreter of the servers (an optimised one that is here)")
    written = f"write {PAGE.relative_to(ROOT)} and the figures of {README.name} as well"
    parser.add_argument("--write", action="store_true", help=written)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        msg = f"{text!r} is not a positive number"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _parts(text: str) -> list[str]:
    names = CORE if text == "core" else text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        msg = f"{', '.join(unknown)} not among {', '.join(PARTS)}"
        raise argparse.ArgumentTypeError(msg)
    return names


@contextmanager
def _alone() -> Iterator[None]:
    """Two at once would measure each other."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = "Another benchmark runs in this repository."
            raise UnfitError(msg) from None
        yield


def _refuse_to_write(options: argparse.Namespace, interpreter: Interpreter) -> None:
    """Publish whole runs only, on an interpreter like the image's."""
    parts = options.only in (list(PARTS), CORE) or ALONE.issuperset(options.only)
    if (options.rounds, options.requests) != (ROUNDS, REQUESTS) or not parts:
        alone = " or ".join(sorted(ALONE))
        msg = f"--write publishes whole runs only: leave out --rounds, --requests and --only, but for core, {alone}."
        raise UnfitError(msg)
    if instructions.missing():
        msg = f"--write publishes instructions as well, and {instructions.MISSING}."
        raise UnfitError(msg)
    if not interpreter.build:
        msg = f"{interpreter.path} is built without optimisations, as no image's is: name another with --python."
        raise UnfitError(msg)


def _run(options: argparse.Namespace, interpreter: Interpreter) -> None:
    say("preparing environments")
    environments = prepare(interpreter, {NEEDED[name] for name in options.only if name in NEEDED})
    sections = {}
    amounts = Amounts(options.rounds, options.requests, min(options.requests / REQUESTS, 1))
    with Rig(environments, cores(), amounts) as rig:
        for name in options.only:
            say(f"measuring {name}")
            sections[name] = PARTS[name](rig)
    short = summary(sections, _where(interpreter)) if "cpu" in sections else ""
    text = page(sections, _facts(environments, options), short)
    sys.stdout.write(text)
    if options.write and not short:
        replace(PAGE, sections)
    elif options.write:
        kept = others(PAGE, text) if options.only == CORE else ""
        PAGE.write_text(text + kept, encoding="utf-8")
        into(README, short)
    if options.write and "database" in sections:
        into(SCALING, arithmetic(PAGE))


def _where(interpreter: Interpreter) -> str:
    return fill(f"{datetime.now(UTC):%Y-%m-%d}, {describe()}, {interpreter.described}; one process.", WIDTH)


def _facts(environments: Environments, options: argparse.Namespace) -> list[str]:
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, `make bench`: {options.rounds} rounds of {options.requests:,} requests.",
        f"Machine: {describe()}; load average {load_average()} at the end.",
        f"Interpreter of every server and of the template: {environments.interpreter.described}.",
        *(f"{name}: {', '.join(versions)}." for name, versions in environments.versions.items()),
        SETTING,
    ]


def say(text: str) -> None:
    """Write a line of progress to standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


if __name__ == "__main__":
    sys.exit(main())
