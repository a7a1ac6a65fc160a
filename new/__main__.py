"""Generate a service: ask for the answers, or take them from NEW_NAME and NEW_ANSWERS; NEW_INTO says where it goes.

Exit status 2 where nothing can be generated from what was given. The rest is cookiecutter's.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BAD_USE = 2
EXAMPLE = """NAME="Acme Orders" ANSWERS='{"owner": "Payments"}'"""


class NewError(Exception):
    """Why nothing is generated, in one sentence."""


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run cookiecutter on this checkout. Returns the exit status. Raises `NewError`."""
    into, answers = directory(environment), given(environment)
    asks = answers is None
    if asks and not sys.stdin.isatty():
        msg = f"There is nobody to ask, because standard input is no terminal; give the answers: make new {EXAMPLE}."
        raise NewError(msg)
    print(f"The service goes into {into}; INTO=folder puts it elsewhere.", flush=True)
    options = [] if asks else ["--no-input"]
    command = [sys.executable, "-m", "cookiecutter", *options, "--output-dir", str(into), str(ROOT)]
    command += [f"{question}={answer}" for question, answer in (answers or {}).items()]
    return subprocess.run(command, env={**environment, "GENERATED_FROM": str(Path.cwd())}, check=False).returncode


def directory(environment: Mapping[str, str]) -> Path:
    """Where the service goes: beside this checkout, if nobody says otherwise. It is made if it is not there."""
    into = Path(environment.get("NEW_INTO") or ROOT.parent).expanduser().resolve()
    if into.is_relative_to(ROOT):
        msg = f"INTO must not lie in the template itself, as {into} does; {ROOT.parent} would do."
        raise NewError(msg)
    if into.exists() and not (into.is_dir() and os.access(into, os.W_OK)):
        msg = f"INTO must be a directory that you may write to, and {into} is not."
        raise NewError(msg)
    return into


def given(environment: Mapping[str, str]) -> Mapping[str, str] | None:
    """The answers that were given; nothing where a person is to be asked."""
    name, text = environment.get("NEW_NAME", ""), environment.get("NEW_ANSWERS", "")
    if not (name or text):
        return None
    try:
        answers = json.loads(text or "{}")
    except ValueError:
        answers = None
    if not isinstance(answers, dict) or not all(isinstance(value, str) for value in answers.values()):
        msg = """ANSWERS must be a JSON object of texts, such as '{"owner": "Payments", "slo_latency_ms": "100"}'."""
        raise NewError(msg)
    return {**({"project_name": name} if name else {}), **answers}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NewError as error:
        print(error, file=sys.stderr)
        sys.exit(BAD_USE)
    except KeyboardInterrupt:  # cookiecutter has said that it stops
        sys.exit(130)
