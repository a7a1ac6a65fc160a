"""Generate a service: ask for the answers, or take them from NEW_NAME and NEW_ANSWERS; NEW_INTO says where it goes.

Exit status 2 where nothing can be generated from what was given. The rest is cookiecutter's.
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
        msg = f"There is nobody to ask, because standard input is no terminal; give the answers: make new {EXAMPLE}."
        raise NewError(msg)
    for sentence in announced(into, answers or {}):
        print(sentence, flush=True)
    options = [] if asks else ["--no-input"]
    command = [sys.executable, "-m", "cookiecutter", *options, "--output-dir", str(into), str(ROOT)]
    command += [f"{question}={answer}" for question, answer in (answers or {}).items()]
    return subprocess.run(command, env={**environment, "GENERATED_FROM": str(Path.cwd())}, check=False).returncode


def directory(environment: Mapping[str, str]) -> Path:
    """Where the service goes: beside this checkout, if nobody says otherwise. It is made if it is not there."""
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
    msg = f"INTO must not lie in the template itself, as {into} does; {ROOT.parent} would do."
    raise NewError(msg)


def try_to_write(into: Path) -> None:
    """Raise OSError where the directory cannot be made or filled. Nothing stays: the answers may still be refused."""
    existing = next(place for place in (into, *into.parents) if place.exists())
    with tempfile.TemporaryDirectory(dir=existing):
        pass


def announced(into: Path, answers: Mapping[str, str]) -> list[str]:
    """Say where the service goes, and what its name became. Raises `NewError` where something is there already."""
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
