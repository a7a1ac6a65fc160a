"""The newest commit of each service's template, asked once per template, and how far a service is behind it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .checkouts import Checkout
from .git import GitError, git

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Newest:
    """`commits` by template and branch; `silent` has why a template did not answer."""

    commits: Mapping[tuple[str, str], str] = field(default_factory=dict)
    silent: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def of(self, checkout: Checkout) -> str:
        """The newest commit, or nothing when the template did not answer."""
        return self.commits.get(_key(checkout), "")

    def reason(self, checkout: Checkout) -> str:
        """Why the template did not answer."""
        return self.silent.get(_key(checkout), "")

    def behind(self, checkout: Checkout) -> str:
        """The distance: `0`, a number of commits, `yes` when this repository does not know them, or `?`."""
        newest = self.of(checkout)
        if not newest or newest == checkout.commit:
            return "0" if newest else "?"
        try:
            return git("rev-list", "--count", f"{checkout.commit}..{newest}", at=ROOT)
        except GitError:
            return "yes"


def ask(checkouts: Sequence[Checkout]) -> Newest:
    """Ask every template for its newest commit."""
    commits, silent = dict[tuple[str, str], str](), dict[tuple[str, str], str]()
    for key in dict.fromkeys(_key(each) for each in checkouts if not each.fault):
        try:
            commits[key] = _commit(*key)
        except GitError as error:
            silent[key] = str(error)
    return Newest(commits=commits, silent=silent)


def _commit(template: str, follows: str) -> str:
    """The commit that a branch, a tag or HEAD names, or that `follows` is. Raises `GitError`.

    `--` because .cruft.json is a file of the service, and an option of git could name a program. git also lists
    `feature/main` for `main`, and for an annotated tag first the tag, whose commit is in the line with `^{}`.
    """
    if re.fullmatch("[0-9a-f]{40}", follows):
        return follows
    lines = git("ls-remote", "--", template, follows, f"{follows}^{{}}", at=ROOT).splitlines()
    found = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
    for name in (f"refs/tags/{follows}^{{}}", f"refs/tags/{follows}", f"refs/heads/{follows}", follows):
        if name in found:
            return found[name]
    msg = f"it has no {follows}"
    raise GitError(msg)


def _key(checkout: Checkout) -> tuple[str, str]:
    return checkout.template, checkout.follows
