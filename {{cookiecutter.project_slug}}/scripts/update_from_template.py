"""Update this service from its template: `make update`. Fails when there is something that only a person can settle.

cruft merges what the template owns. Two things are done around it. Git gets the files of the version that the service
is at, so that it can merge also where this checkout has no history. And vendor/firstlight is replaced as a whole,
because a library that is half of one version and half of another is neither.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

STATE = Path(".cruft.json")
VENDOR = Path("vendor/firstlight")
PATCH = Path(".cache/template-update.patch")
GENERATE = """
import json, sys
from cookiecutter.main import cookiecutter
cookiecutter(sys.argv[1], no_input=True, output_dir=sys.argv[2], extra_context=json.loads(sys.argv[3]))
"""


class UpdateError(Exception):
    """Why there is no update, in one sentence."""


def main() -> None:
    """Update, and say what is left to do. Raises `UpdateError`."""
    answers: Mapping[str, str] = json.loads(os.environ.get("ANSWERS") or "{}")
    if not STATE.exists():
        msg = "There is no .cruft.json, so nothing says which template this service follows; `cruft link` writes one."
        raise UpdateError(msg)
    if _git("status", "--porcelain"):
        msg = "There are uncommitted changes; commit or stash them, so that the update can be told from them."
        raise UpdateError(msg)
    if not answers and _cruft("check") == 0:
        print("This service is up to date.")
        return
    with tempfile.TemporaryDirectory() as directory:
        _update(Path(directory), answers)
    if Path("uv.lock").exists():
        _run(os.environ.get("UV", "uv"), "lock", "--quiet")
    _settle()


def _update(work: Path, answers: Mapping[str, str]) -> None:
    before, yours = _state(), _yours()
    template = work / "template"
    _run("git", "clone", "--quiet", before["template"], str(template))
    old = _generate(template, before, work / "old")
    _remember(old)
    if _cruft("update", "--skip-apply-ask", "--variables-to-update", json.dumps(answers)) != 0:
        msg = "cruft could not update this service; its own words are above."
        raise UpdateError(msg)
    new = _generate(template, _state(), work / "new")
    print(f"Updated from {before['commit'][:12]} to {_state()['commit'][:12]}.")
    _replace_library(old, new)
    _report(yours, old, new)


def _state() -> Any:
    return json.loads(STATE.read_text("utf-8"))


def _yours() -> list[str]:
    """The places that the team owns; read before the update, which may leave conflicts in the file."""
    places = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"]["cruft"]["skip"]
    return [place for place in places if not VENDOR.is_relative_to(place)]


def _generate(template: Path, state: Any, output: Path) -> Path:
    """The service as the template emits it at the commit of a state, with the answers of that state."""
    _run("git", "-C", str(template), "checkout", "--quiet", state["commit"])
    answers = {name: value for name, value in state["context"]["cookiecutter"].items() if not name.startswith("_")}
    output.mkdir()
    directory = template / (state.get("directory") or "")
    _run(sys.executable, "-c", GENERATE, str(directory), str(output), json.dumps(answers))
    (service,) = output.iterdir()
    return service


def _remember(old: Path) -> None:
    """Put every file into git's store: a three-way merge needs the version that both sides began with."""
    paths = "\n".join(str(path) for path in sorted(old.rglob("*")) if path.is_file())
    subprocess.run(["git", "hash-object", "-w", "--stdin-paths"], input=paths, text=True, check=True, stdout=-3)


def _replace_library(old: Path, new: Path) -> None:
    """Make vendor/firstlight equal to the new version, and name the edits that this undid."""
    if not VENDOR.exists():  # this service takes the library from an index
        return
    edited = list(_different(old / VENDOR, VENDOR))
    shutil.rmtree(VENDOR)
    shutil.copytree(new / VENDOR, VENDOR)
    if edited:
        _list(f"{VENDOR} was replaced. It had been edited; git still has these:", edited)


def _report(yours: list[str], old: Path, new: Path) -> None:
    """Name the files of the team that the template changed, and write the changes down."""
    changed = [f"{place}/{path}".rstrip("/.") for place in yours for path in _different(old / place, new / place)]
    if not changed:
        return
    PATCH.parent.mkdir(exist_ok=True)
    with PATCH.open("w", encoding="utf-8") as patch:
        for path in changed:
            sides = [str(side / path) if (side / path).exists() else os.devnull for side in (old, new)]
            subprocess.run(["git", "diff", "--no-index", "--no-color", *sides], stdout=patch, check=False)
    _list(f"The template changed these files, which are yours; they are as before. {PATCH} has the changes:", changed)


def _different(one: Path, other: Path) -> Iterator[str]:
    """The paths that are not the same in two trees, or `.` for two files that differ."""
    if one.is_file() or other.is_file():
        if not (one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()):
            yield "."
        return
    for path in sorted({path.relative_to(tree) for tree in (one, other) for path in tree.rglob("*")}):
        here, there = one / path, other / path
        if "__pycache__" in path.parts or here.is_dir() or there.is_dir():
            continue
        if not (here.is_file() and there.is_file() and here.read_bytes() == there.read_bytes()):
            yield path.as_posix()


def _settle() -> None:
    """Raise for what only a person can settle: unmerged paths, conflict markers, rejected hunks."""
    marked = [line.partition(":")[0] for line in _git("diff", "--check", "HEAD").splitlines() if "conflict" in line]
    unmerged = _git("diff", "--name-only", "--diff-filter=U").splitlines()
    rejected = _git("ls-files", "--others", "*.rej").splitlines()
    conflicts = sorted({*marked, *unmerged, *rejected})
    if conflicts:
        msg = "\n  ".join(["The update is in, but these files have conflicts; settle them, then commit:", *conflicts])
        raise UpdateError(msg)
    print("Run `make check test`, then commit.")


def _list(title: str, paths: list[str]) -> None:
    print("\n  ".join([title, *paths]))


def _cruft(*arguments: str) -> int:
    """Run cruft. Its words are shown only when it fails: it praises itself beside conflicts as well."""
    done = subprocess.run([sys.executable, "-m", "cruft", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0 and arguments[0] != "check":
        print(done.stdout + done.stderr, file=sys.stderr)
    return done.returncode


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        msg = f"{' '.join(command[:3])} failed: {done.stderr.strip().splitlines()[-1:] or done.returncode}"
        raise UpdateError(msg)


if __name__ == "__main__":
    try:
        main()
    except UpdateError as error:
        sys.exit(str(error))
