"""The newest commit of each service's template, asked once per template, and how far a service is behind it."""

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
    for key in dict.fromkeys(map(_key, checkouts)):
        try:
            answer = git("ls-remote", *key, at=ROOT).partition("\t")[0]
        except GitError as error:
            silent[key] = str(error)
        else:
            commits[key] = answer
            if not answer:
                silent[key] = f"it has no {key[1]}"
    return Newest(commits=commits, silent=silent)


def _key(checkout: Checkout) -> tuple[str, str]:
    return checkout.template, checkout.follows
