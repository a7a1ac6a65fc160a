"""Check `vendor`: the copy of the runtime in vendor/firstlight has not been changed."""

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .finding import Finding, FindingError, each
from .project import Project

VENDOR = "vendor/firstlight"
MANIFEST = f"{VENDOR}/MANIFEST.sha256"
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")  # the format of sha256sum
# Files that tools create.
IGNORED = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "build", "dist"})
RESTORE = "`make update` restores it"
EXTEND = "what a service adds belongs in src"


def findings(project: Project) -> Iterator[Finding]:
    """Files that were edited, removed or added, and another version than the one in service.toml."""
    if project.has(VENDOR):
        yield from each(project, (_files, _delivered))


def _files(project: Project) -> Iterator[Finding]:
    expected, found = _expected(project), _found(project.root / VENDOR)
    for path in sorted(expected.keys() | found.keys()):
        file = f"{VENDOR}/{path}"
        if path not in found:
            yield Finding(file, f"is missing: {RESTORE}.")
        elif path not in expected:
            yield Finding(file, f"is not part of the runtime: remove it; {EXTEND}.")
        elif found[path] != expected[path]:
            yield Finding(file, f"was edited, and the next update would undo that: {RESTORE}; {EXTEND}.")


def _expected(project: Project) -> Mapping[str, str]:
    """The checksum of each file in the manifest."""
    checksums = {}
    for number, line in enumerate(project.text(MANIFEST).splitlines(), start=1):
        match = LINE.fullmatch(line)
        if match is None:
            raise FindingError(MANIFEST, f"line {number} is not a line of sha256sum: {RESTORE}.")
        checksums[match[2].removeprefix("./")] = match[1]
    return checksums


def _found(directory: Path) -> Mapping[str, str]:
    """The checksum of each file in the directory."""
    files = (path.relative_to(directory) for path in directory.rglob("*") if path.is_file() or path.is_symlink())
    kept = [path for path in files if not _ignored(path)]
    return {path.as_posix(): _checksum(directory / path) for path in kept}


def _ignored(path: Path) -> bool:
    parts = set(path.parts)
    left = IGNORED & parts or any(part.endswith(".egg-info") for part in parts) or path.suffix == ".pyc"
    return bool(left) or path.as_posix() == "MANIFEST.sha256"


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "a broken link"


def _delivered(project: Project) -> Iterator[Finding]:
    """Version and manifest are those of the last update. An older library also fits its own manifest."""
    wanted = project.service.get("runtime")
    if wanted is None:
        return
    if not isinstance(wanted, dict):
        raise FindingError(
            project.answers_file, "[runtime] must be a table with version and manifest: run `make update`."
        )
    file = f"{VENDOR}/src/firstlight/__init__.py"
    found = {"version": version(file, project.text(file)), "manifest": _checksum(project.root / MANIFEST)}
    for key, value in found.items():
        if wanted.get(key) != value:
            sentence = f"[runtime] {key} is not that of {VENDOR}: run `make update`, which brings the right library."
            yield Finding(project.answers_file, sentence)


def version(file: str, text: str) -> str:
    """The value of `__version__`, read without an import. Raises `FindingError`."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise FindingError(file, f"is not Python: {error}: {RESTORE}.") from None
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__version__")], value=ast.Constant(value=str() as value))
                | ast.AnnAssign(target=ast.Name(id="__version__"), value=ast.Constant(value=str() as value))
            ):
                return value
    raise FindingError(file, f'has no __version__ = "...": {RESTORE}.')
