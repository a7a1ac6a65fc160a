"""Differences between two versions of a service, and the patch that holds them."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

PATCH = Path(".cache/template-update.patch")


def different(one: Path, other: Path) -> Iterator[str]:
    """The paths that differ between two trees, or `.` for two files that differ."""
    if one.is_file() or other.is_file():
        if not same(one, other):
            yield "."
        return
    for path in sorted({path.relative_to(tree) for tree in (one, other) for path in tree.rglob("*")}):
        here, there = one / path, other / path
        if "__pycache__" in path.parts or here.is_dir() or there.is_dir():
            continue
        if not same(here, there):
            yield path.as_posix()


def same(one: Path, other: Path) -> bool:
    """Whether both are files with the same content."""
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def write_patch(paths: Iterable[str], old: Path, new: Path) -> str:
    """Write the changes of these files between two versions. Returns the text of the patch."""
    text = "".join(_difference(old, new, path) for path in dict.fromkeys(paths))
    PATCH.unlink(missing_ok=True)
    if text:
        PATCH.parent.mkdir(exist_ok=True)
        PATCH.write_text(text, encoding="utf-8")
    return text


def _difference(old: Path, new: Path, path: str) -> str:
    """The change of one file, in the format of `git apply`."""
    sides = [str(side / path) if (side / path).exists() else os.devnull for side in (old, new)]
    command = ["git", "diff", "--no-index", "--no-color", *sides]
    text = subprocess.run(command, capture_output=True, check=False).stdout.decode("utf-8", "replace")
    for side in (old, new):
        text = text.replace(f" a{side}/", " a/").replace(f" b{side}/", " b/")
    return text
