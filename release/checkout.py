"""The commit that is released: clean, and without a tag of the same name."""

import subprocess
from collections.abc import Iterator

from generator.repository import ROOT

ORGANISATION = "organisation.toml"


def faults(tag: str) -> Iterator[str]:
    """Why this commit cannot get the tag."""
    if git("rev-parse", "--show-cdup", "HEAD").partition("\n")[2] == "":
        yield "This is no git checkout of the template with a commit; release from a clone."
        return
    if changed := [line[3:] for line in git("status", "--porcelain").splitlines()]:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""  # noqa: PLR2004 - enough to recognise them
        yield f"There are uncommitted changes ({', '.join(changed[:3])}{more}); commit them, as a tag names a commit."
    if tagged := git("rev-parse", "--quiet", "--verify", f"{tag}^{{commit}}"):
        yield f"{tag} is a tag already, of {tagged.strip()[:12]}; begin the next version."
    if (ROOT / ORGANISATION).exists():
        yield f"{ORGANISATION} belongs to an organisation's copy; release the template without it, or run make wheel."


def head() -> tuple[str, str]:
    """The commit and its branch, which is empty when none is checked out."""
    return git("rev-parse", "HEAD").strip(), git("symbolic-ref", "--quiet", "--short", "HEAD").strip()


def git(*arguments: str) -> str:
    """The output of git, which is empty when it fails."""
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
