"""Generate a service in the folder NEW_INTO. NEW_NAME and NEW_ANSWERS are the answers; without them, it asks.

Exit status 2 when one of these variables is wrong, else that of cookiecutter.
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
        msg = f"The questions cannot be asked, because standard input is no terminal; give answers: make new {EXAMPLE}."
        raise NewError(msg)
    print(f"The service goes into {into}; INTO=folder puts it elsewhere.", flush=True)
    options = [] if asks else ["--no-input"]
    command = [sys.executable, "-m", "cookiecutter", *options, "--output-dir", str(into), str(ROOT)]
    command += [f"{question}={answer}" for question, answer in (answers or {}).items()]
    return subprocess.run(command, env={**environment, "GENERATED_FROM": str(Path.cwd())}, check=False).returncode


def directory(environment: Mapping[str, str]) -> Path:
    """The folder for the service, by default the one beside this checkout. Raises `NewError`."""
    into = Path(environment.get("NEW_INTO") or ROOT.parent).expanduser().resolve()
    if into.is_relative_to(ROOT):
        msg = f"INTO must not be inside the template, as {into} is; use {ROOT.parent}, for example."
        raise NewError(msg)
    if into.exists() and not (into.is_dir() and os.access(into, os.W_OK)):
        msg = f"INTO must be a directory that you may write to; {into} is not."
        raise NewError(msg)
    return into


def given(environment: Mapping[str, str]) -> Mapping[str, str] | None:
    """The given answers, or None when the questions are to be asked. Raises `NewError`."""
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
    except KeyboardInterrupt:  # cookiecutter has printed that it stops
        sys.exit(130)
