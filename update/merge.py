"""The merge of the template's files into the service, one by one: what one file needs from a person spoils no other.

Every file has three versions: the template's before and now, and the service's. Git merges the lines of a file that
both sides changed. The service's history does not matter.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .ownership import SKIP
from .report import Section
from .trees import PATCH, same

CONFLICT = "The update is in, but these files have conflicts; resolve them, then commit:"
REMOVED = f"The template removed these files, which you had edited; remove them, or keep them and add them to {SKIP}:"
ABSENT = (
    f"You had removed or renamed these files, which the template changed. {PATCH} has the changes; "
    f"carry over what you need. What is in {SKIP} is not mentioned again:"
)
TAKEN = (
    f"The template adds these files, and you have others in their place. {PATCH} has the template's; "
    f"take them over, or move yours away or add them to {SKIP}:"
)
BINARY = (
    "Both sides changed these files, which are no text. They are as before; take over the template's if you need them:"
)
IN_ITS_PLACE = (
    f"The template changed these files, and you have links or folders in their place. {PATCH} has the changes; "
    f"carry over what you need, or add them to {SKIP}:"
)
LABELS = ("-L", "yours", "-L", "the template before", "-L", "the template")  # in the markers of a conflict


@dataclass(frozen=True, kw_only=True)
class Merge:
    """A merge of two versions of the template into the current directory."""

    old: Path
    new: Path

    def files(self, paths: list[str]) -> list[Section]:
        """Merge these files. Returns what is left to a person, by reason."""
        left: dict[str, list[str]] = {CONFLICT: [], REMOVED: [], ABSENT: [], TAKEN: [], IN_ITS_PLACE: [], BINARY: []}
        renamed = self._renamed(paths)
        for path in paths:
            if path in renamed.values():
                continue
            target = renamed.get(path, path)
            is_file = not (_other_kind(Path(path)) or _other_kind(Path(target)))
            if reason := (self._file if is_file else self._beside)(path, target):
                left[reason].append(target)
        return [Section(reason, found, person=True) for reason, found in left.items() if found]

    def _file(self, path: str, target: str) -> str:
        """Merge one file, whose place in the new version is the target. Returns why a person must look, if so."""
        here, old, new = Path(path), self.old / path, self.new / target
        if same(old, new) or same(here, new):
            _move(here, Path(target))
            _follow_mode(Path(target), old, new)
            return ""
        if not here.exists():
            return self._missing(here, old, new)
        if not old.exists():
            return TAKEN
        if not new.exists():
            return _remove(here) if same(here, old) else REMOVED
        _move(here, Path(target))
        _follow_mode(Path(target), old, new)
        if same(Path(target), old):
            shutil.copy(new, target)
            return ""
        return _merge_lines(Path(target), old, new)

    def _beside(self, path: str, target: str) -> str:
        """Leave what is in the file's place alone. Returns why a person must look, if so."""
        here, old, new = Path(path), self.old / path, self.new / target
        if same(old, new) or same(here, new):
            return ""
        if not old.exists():
            return TAKEN
        if not new.exists():
            return REMOVED if here.exists() else ""
        return IN_ITS_PLACE

    @staticmethod
    def _missing(here: Path, old: Path, new: Path) -> str:
        """Add a file that is new. One that the team has removed stays away."""
        if old.exists():
            return ABSENT if new.exists() else ""
        here.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(new, here)
        return ""

    def _renamed(self, paths: list[str]) -> Mapping[str, str]:
        """The files that the template renamed and that the team has edited: old and new place."""
        command = ["git", "diff", "--no-index", "--find-renames", "--diff-filter=R", "--name-status", "-z"]
        done = subprocess.run([*command, str(self.old), str(self.new)], capture_output=True, text=True, check=False)
        words = iter(done.stdout.split("\0")[:-1])
        pairs = [(os.path.relpath(next(words), self.old), os.path.relpath(next(words), self.new)) for _ in words]
        return {
            one: other
            for one, other in pairs
            if {one, other} <= {*paths} and Path(one).is_file() and not Path(other).exists()
            if not same(Path(one), self.old / one)
        }


def _other_kind(place: Path) -> bool:
    """Whether a link or a folder of the service is where the file would be, or a link or a file where its folder is.

    Through a link, the merge would write into another file of the team, or out of the service.
    """
    folders = list(place.parents)[:-1]
    return place.is_dir() or place.is_symlink() or any(each.is_symlink() or each.is_file() for each in folders)


def _merge_lines(here: Path, old: Path, new: Path) -> str:
    command = ["git", "merge-file", *LABELS, str(here), str(old), str(new)]
    status = subprocess.run(command, capture_output=True, check=False).returncode
    if status == 0:
        return ""
    return CONFLICT if b"<<<<<<< yours" in here.read_bytes() else BINARY


def _move(one: Path, other: Path) -> None:
    if one != other and one.exists():
        other.parent.mkdir(parents=True, exist_ok=True)
        one.rename(other)


def _remove(here: Path) -> str:
    """Remove a file, and the folders that are empty then."""
    here.unlink()
    for folder in list(here.parents)[:-1]:
        if any(folder.iterdir()):
            break
        folder.rmdir()
    return ""


def _follow_mode(here: Path, old: Path, new: Path) -> None:
    """Give the file the new mode, when the template changed that."""
    if here.is_file() and old.exists() and new.exists() and old.stat().st_mode != new.stat().st_mode:
        here.chmod(new.stat().st_mode)
