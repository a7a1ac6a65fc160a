"""Paths in this repository, and how its trees are read."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SERVICE_DIRECTORY = "{{cookiecutter.project_slug}}"
TEMPLATE = ROOT / SERVICE_DIRECTORY

# As cookiecutter renders them. A question that an organisation may answer has its default as an argument of a filter.
SOURCES: dict[str, Any] = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
_DEFAULT = re.compile(r"\{\{ '(?P<plain>[^']*)' \| default_of\('\w+'\) \}\}")
DEFAULTS = {
    question: found["plain"]
    for question, source in SOURCES.items()
    if isinstance(source, str) and (found := _DEFAULT.fullmatch(source))
}
QUESTIONS: dict[str, Any] = SOURCES | DEFAULTS

# Caches of tools, which are not part of the repository.
LEFT_BY_TOOLS = frozenset(
    {".coverage", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tools", ".venv", "__pycache__"}
)


def files_below(tree: Path) -> Iterator[str]:
    """The files of a tree by their paths in it, without the caches of tools.

    Those directories are not entered, because an environment has thousands of files.
    """
    for directory, directories, names in os.walk(tree):
        directories[:] = sorted(set(directories) - LEFT_BY_TOOLS)
        inside = PurePath(directory).relative_to(tree)
        prefix = "" if inside == PurePath() else f"{inside.as_posix()}/"
        for name in sorted(set(names) - LEFT_BY_TOOLS):
            yield prefix + name
