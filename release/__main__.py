"""Check a release and print the commands that make it: `make release VERSION=0.2.0`. It runs none of them.

Exit status 1 with one sentence for everything that is missing, 2 for a VERSION that is none.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping

from generator.library import version as of_the_library
from generator.repository import ROOT

from . import changelog, checkout, commands, versions, wheel

MISSING, BAD_USE = 1, 2


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Check, build, check what was built, and print. Returns the exit status."""
    version = environment.get("RELEASE_VERSION") or of_the_library().partition(".dev")[0]
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        return refuse([f"VERSION must be three numbers with dots, such as 0.2.0, and not {version!r}."], BAD_USE)
    uv = environment.get("UV") or "uv"
    if sentences := list(before_the_build(version, uv)) or list(after_the_build(version, uv)):
        return refuse(sentences, MISSING)
    say(version)
    return 0


def before_the_build(version: str, uv: str) -> Iterator[str]:
    """What is missing in the repository."""
    entry = versions.entry(version)
    yield from versions.faults(version, uv)
    text = (ROOT / changelog.FILE).read_text(encoding="utf-8")
    yield from changelog.faults(text, version, entry.released if entry else None)
    yield from checkout.faults(f"v{version}")


def after_the_build(version: str, uv: str) -> Iterator[str]:
    """What is wrong with the wheel."""
    if sentence := wheel.build(uv):
        yield sentence
        return
    built, _ = wheel.files(version)
    sentences = list(wheel.faults(built, version))
    yield from sentences
    if not sentences and (wrong := wheel.wrong_import(built, version, uv)):
        yield wrong


def say(version: str) -> None:
    """Print the commands, and write the notes of the release beside the wheel."""
    notes = wheel.DIST / "release-notes.md"
    text = changelog.section((ROOT / changelog.FILE).read_text(encoding="utf-8"), version)
    notes.write_text(f"{text}\n", encoding="utf-8")
    print(f"{version} can be released. Nothing is tagged, pushed or uploaded yet; run:\n")
    for line in commands.tag_and_push(version, *checkout.head()):
        print(f"    {line}")
    for line in commands.upload(version, wheel.files(version), notes):
        print(f"    {line}")
    coming = commands.following(version)
    print(f'\nThen begin the next version: "{coming}" in {versions.LIBRARY} and {versions.PROJECT}.')


def refuse(sentences: list[str], status: int) -> int:
    """Print each sentence. Returns the exit status."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
