"""The account for programs that refuse to run as root."""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

UNPRIVILEGED = ("postgres", "nobody")


class _Arguments(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """Another account than that of this process, by its numbers, or this one's."""

    other: tuple[int, int] | None
    """The numbers of user and group."""

    @classmethod
    def unprivileged(cls) -> "Account":
        """The account of this process; for root, the account `postgres`, or `nobody` if there is no such account."""
        if os.geteuid() != 0:
            return cls(None)
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = next(known[name] for name in UNPRIVILEGED if name in known)
        return cls((entry.pw_uid, entry.pw_gid))

    @property
    def arguments(self) -> _Arguments:
        """The arguments with which `subprocess` starts a program under the account."""
        if self.other is None:
            return {}
        user, group = self.other
        return {"user": user, "group": group, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or a folder to the account. Nobody else can read it."""
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self.other is not None:
            shutil.chown(path, *self.other)
