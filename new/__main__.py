"""Generate a service in the folder NEW_INTO. NEW_NAME and NEW_ANSWERS are the answers; without them, it asks.

Exit status 2 when one of these variables is wrong, else that of cookiecutter.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from generator.names import slug

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
    for sentence in announced(into, answers or {}):
        print(sentence, flush=True)
    options = [] if asks else ["--no-input"]
    command = [sys.executable, "-m", "cookiecutter", *options, "--output-dir", str(into), str(ROOT)]
    command += [f"{question}={answer}" for question, answer in (answers or {}).items()]
    return subprocess.run(command, env={**environment, "GENERATED_FROM": str(Path.cwd())}, check=False).returncode


def directory(environment: Mapping[str, str]) -> Path:
    """The folder for the service, by default the one beside this checkout. Raises `NewError`."""
    given = environment.get("NEW_INTO") or str(ROOT.parent)
    try:
        into = Path(given).expanduser().resolve()
        if not into.is_relative_to(ROOT):
            try_to_write(into)
            return into
    except (OSError, RuntimeError) as error:  # RuntimeError: a user that does not exist, a circle of links
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        msg = f"INTO must be a directory that you may write to, and {given} is not: {reason}."
        raise NewError(msg) from None
    msg = f"INTO must not be inside the template, as {into} is; use {ROOT.parent}, for example."
    raise NewError(msg)


def try_to_write(into: Path) -> None:
    """Raise `OSError` where the directory cannot be made or written. Leaves nothing: answers may still be refused."""
    existing = next(place for place in (into, *into.parents) if place.exists())
    with tempfile.TemporaryDirectory(dir=existing):
        pass


def announced(into: Path, answers: Mapping[str, str]) -> list[str]:
    """The folder of the service and, if it differs from the name, its slug. Raises `NewError` if the folder exists."""
    name = answers.get("project_name", "")
    folder = answers.get("project_slug") or (slug(name) if name else "")
    if folder and os.path.lexists(into / folder):
        msg = f"{into / folder} is there already; choose another NAME, or another folder with INTO=folder."
        raise NewError(msg)
    sentences = [f"The service goes into {into / folder}; INTO=folder puts it elsewhere."]
    if not answers.get("project_slug") and folder != re.sub("[^a-z0-9]+", "-", name.lower()).strip("-"):
        choose = """ANSWERS='{"project_slug": "acme-orders"}'"""
        sentences.append(f"The name {name!r} cannot be its slug as it stands: {folder}; {choose} chooses another.")
    return sentences


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
