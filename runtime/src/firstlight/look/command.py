"""`python -m firstlight look`: what the service that `make run` runs in this folder does. `make look` calls it."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ..development import console_address
from ..exit_status import FAILED
from ..identity import WEB
from ..standard_output import standard_output
from ..terminal import paint_for
from . import text
from .summary import summary
from .twins import LookError, Twins

NOTHING_RUNS = "No service of this folder runs with its console: start it with `make run`, in another terminal."
NO_PROCESS = "No process `{process}` of this folder runs with its console: start it with `make run ARGS={process}`."


def run(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, 1 when nothing runs or it does not answer, 2 for bad use."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    address = console_address.find(console_address.FOLDER, options.process)
    if address is None:
        sentence = NOTHING_RUNS if options.process == WEB else NO_PROCESS.format(process=options.process)
        return _refuse(sentence)
    twins = Twins(address)
    try:
        found = twins.read(options.twin) if options.twin else summary(twins)
    except LookError as error:
        return _refuse(str(error))
    with standard_output() as output:
        if options.twin or options.json:
            members = found if options.twin else found._asdict()
            output.write(f"{json.dumps(members, ensure_ascii=False, indent=2)}\n")
        else:
            output.writelines(f"{line}\n" for line in text.lines(found, address.origin, paint_for(output)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m firstlight look", description="What the running service does.")
    parser.add_argument(
        "twin", nargs="?", default="", help="print a page of the console as JSON, such as 'requests?errors=1'"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--process", default=WEB, type=_process, help="the kind of process; web by default")
    return parser


def _process(name: str) -> str:
    if Path(name).name != name:
        msg = "must be the name of a process, such as worker"
        raise argparse.ArgumentTypeError(msg)
    return name


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return FAILED
