"""Update this service from its template: `make update`. Fails when there are conflicts.

cruft merges the template's files. This script does two more things. It adds the files of the service's current template
version to git's object store, so that git can merge three ways although this repository has no history of them. And it
replaces vendor/firstlight as a whole, because a merge could mix two versions of the library.
"""

import contextlib
import hashlib
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
RECORD = Path(".template.json")  # the template's files as they came, for `make doctor`
VENDOR = Path("vendor/firstlight")
PATCH = Path(".cache/template-update.patch")
GENERATE = """
import json, sys
from cookiecutter.main import cookiecutter
cookiecutter(sys.argv[1], no_input=True, output_dir=sys.argv[2], extra_context=json.loads(sys.argv[3]))
"""


class UpdateError(Exception):
    """Why the update failed, in one sentence."""


def main() -> None:
    """Update, and print what is left to do. Raises `UpdateError`."""
    answers = _answers()
    if not STATE.exists():
        msg = "There is no .cruft.json, which names the template of this service; `cruft link` writes one."
        raise UpdateError(msg)
    if _git("status", "--porcelain"):
        msg = "There are uncommitted changes; commit or stash them first, so that git can tell the update apart."
        raise UpdateError(msg)
    current = not answers and _cruft("check") == 0
    if current and _has_its_library():
        print("This service is up to date.")
        return
    with tempfile.TemporaryDirectory() as directory:
        left = (_repair if current else _update)(Path(directory), answers)
    if Path("uv.lock").exists():
        _run(os.environ.get("UV", "uv"), "lock", "--quiet")
    _settle(left)


def _answers() -> Mapping[str, str]:
    """The answers to change, from the variable ANSWERS. Raises `UpdateError` for anything but an object of strings."""
    try:
        answers = json.loads(os.environ.get("ANSWERS") or "{}")
    except ValueError:
        answers = None
    if not isinstance(answers, dict) or not all(isinstance(value, str) for value in answers.values()):
        msg = 'ANSWERS must be a JSON object of texts, such as \'{"slo_availability": "0.9995"}\'.'
        raise UpdateError(msg)
    return answers


def _has_its_library() -> bool:
    """Whether vendor/firstlight is unchanged since the last update; service.toml has its manifest's checksum."""
    manifest = VENDOR / "MANIFEST.sha256"
    if not VENDOR.exists():  # this service takes the library from an index
        return True
    answers = [tomllib.loads(file.read_text("utf-8")) for file in Path("src").glob("*/service.toml")]
    noted = [each["runtime"].get("manifest") for each in answers]
    if not manifest.exists() or noted != [hashlib.sha256(manifest.read_bytes()).hexdigest()]:
        return False
    lines = (line.partition("  ") for line in manifest.read_text("utf-8").splitlines())
    listed = {path: checksum for checksum, _, path in lines}
    files = (path for path in VENDOR.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    sums = {path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return sums == {**listed, manifest.name: noted[0]}


def _repair(work: Path, _: Mapping[str, str]) -> list[str]:
    """Restore the library. Everything else is up to date, so no file is left to do."""
    state = _state()
    fresh = _generate(_clone(work, state), state, work / "fresh")
    _replace_library(fresh, fresh)
    return []


def _clone(work: Path, state: Any) -> Path:
    template = work / "template"
    _run("git", "clone", "--quiet", state["template"], str(template))
    return template


def _refuse_unknown(answers: Mapping[str, str], template: Path, state: Any) -> None:
    """Raise `UpdateError` for an unknown question. cruft would accept it and change nothing."""
    text = (template / (state.get("directory") or "") / "cookiecutter.json").read_text("utf-8")
    questions = [name for name in json.loads(text) if not name.startswith("_")]
    for name in answers:
        if name not in questions:
            msg = f"ANSWERS has {name}, which is no question of the template; they are {', '.join(questions)}."
            raise UpdateError(msg)


def _update(work: Path, answers: Mapping[str, str]) -> list[str]:
    """Bring the new version in. Returns what the merge could not settle and left no marks of."""
    before, yours = _state(), _yours()
    template = _clone(work, before)
    _refuse_unknown(answers, template, before)
    old = _generate(template, before, work / "old")
    _remember(old)
    edited, removed = _touched(old, yours)
    if _cruft("update", "--skip-apply-ask", "--variables-to-update", json.dumps(answers)) != 0:
        msg = "cruft could not update this service; its output is above."
        raise UpdateError(msg)
    new = _generate(template, _state(), work / "new")
    print(f"Updated from {before['commit'][:12]} to {_state()['commit'][:12]}.")
    _replace_library(old, new)
    if (new / RECORD).exists():  # also where it was removed, which a merge would respect
        shutil.copyfile(new / RECORD, RECORD)
    removed = [path for path in removed if (new / path).exists() and list(_different(old / path, new / path))]
    taken = [path for path in _touched(new, yours)[0] if not (old / path).exists()]
    _report(yours, [*removed, *taken], old, new)
    return list(_one_sided([path for path in edited if not (new / path).exists()], removed, taken))


def _touched(emitted: Path, yours: list[str]) -> tuple[list[str], list[str]]:
    """The template's files that are different here, and those that are not here."""
    files = [path.relative_to(emitted) for path in sorted(emitted.rglob("*")) if path.is_file()]
    others = [*map(Path, yours), VENDOR, STATE, RECORD]
    owned = [path for path in files if not any(path.is_relative_to(place) for place in others)]
    edited = [str(path) for path in owned if path.is_file() and list(_different(path, emitted / path))]
    return edited, [str(path) for path in owned if not path.exists()]


def _one_sided(edited: list[str], removed: list[str], taken: list[str]) -> Iterator[str]:
    """Say what git has no markers for: a file that one side removed and the other changed, or that both added."""
    skip = "`skip` of [tool.cruft] in pyproject.toml"
    if edited:
        title = "The template removed these files, which you had edited; remove them, or keep them and"
        yield "\n  ".join([f"{title} add them to {skip}:", *edited])
    if removed:
        title = f"You had removed or renamed these files, which the template changed. {PATCH} has the changes;"
        yield "\n  ".join([f"{title} carry over what you need. What is in {skip} is not mentioned again:", *removed])
    if taken:
        title = f"The template adds these files, and you have others in their place. {PATCH} has the template's;"
        yield "\n  ".join([f"{title} take them over, or move yours away or add them to {skip}:", *taken])


def _state() -> Any:
    return json.loads(STATE.read_text("utf-8"))


def _yours() -> list[str]:
    """The files and folders that the team owns. Read before the update, which may leave conflicts in the file."""
    places = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"]["cruft"]["skip"]
    return [place for place in places if not VENDOR.is_relative_to(place)]


def _generate(template: Path, state: Any, output: Path) -> Path:
    """Generate the service with the commit and the answers of `state`. Returns its directory."""
    _run("git", "-C", str(template), "checkout", "--quiet", state["commit"])
    answers = {name: value for name, value in state["context"]["cookiecutter"].items() if not name.startswith("_")}
    output.mkdir()
    directory = template / (state.get("directory") or "")
    _run(sys.executable, "-c", GENERATE, str(directory), str(output), json.dumps(answers))
    (service,) = output.iterdir()
    return service


def _remember(old: Path) -> None:
    """Add every file to git's object store: a three-way merge needs the common version."""
    paths = "\n".join(str(path) for path in sorted(old.rglob("*")) if path.is_file())
    subprocess.run(["git", "hash-object", "-w", "--stdin-paths"], input=paths, text=True, check=True, stdout=-3)


def _replace_library(old: Path, new: Path) -> None:
    """Replace vendor/firstlight by that of the new version, if any, and list the edits that this undid."""
    if (old / VENDOR).exists() and not VENDOR.exists():  # the team has chosen a package index
        return
    edited = list(_different(old / VENDOR, VENDOR))
    shutil.rmtree(VENDOR, ignore_errors=True)
    if (new / VENDOR).exists():
        shutil.copytree(new / VENDOR, VENDOR)
    else:
        with contextlib.suppress(OSError):  # vendor/ has other code
            VENDOR.parent.rmdir()
        print(f"{VENDOR} is gone: the library comes from the package index that pyproject.toml names.")
    if edited:
        _list(f"{VENDOR} was replaced. It had been edited; git still has these:", edited)


def _report(yours: list[str], others: list[str], old: Path, new: Path) -> None:
    """List the files of the team that the template changed. Write their changes and those of `others` to a patch."""
    changed = [f"{place}/{path}".rstrip("/.") for place in yours for path in _different(old / place, new / place)]
    changed = [path for path in changed if Path(path).exists() or not (old / path).exists()]  # not deleted ones
    if not (changed or others):
        return
    PATCH.parent.mkdir(exist_ok=True)
    with PATCH.open("w", encoding="utf-8") as patch:
        for path in (*changed, *others):
            patch.write(_difference(old, new, path))
    if changed:
        title = f"The template changed these files, which are yours; they are as before. {PATCH} has the changes:"
        _list(title, changed)


def _difference(old: Path, new: Path, path: str) -> str:
    """The change of one file, in the format of `git apply`."""
    sides = [str(side / path) if (side / path).exists() else os.devnull for side in (old, new)]
    command = ["git", "diff", "--no-index", "--no-color", *sides]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for side in (old, new):
        text = text.replace(f" a{side}/", " a/").replace(f" b{side}/", " b/")
    return text


def _different(one: Path, other: Path) -> Iterator[str]:
    """The paths that differ between two trees, or `.` for two files that differ."""
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


def _settle(left: list[str]) -> None:
    """Raise for what only a person can settle: unmerged paths, conflict markers, rejected hunks, and what is left."""
    marked = [line.partition(":")[0] for line in _git("diff", "--check", "HEAD").splitlines() if "conflict" in line]
    unmerged = _git("diff", "--name-only", "--diff-filter=U").splitlines()
    rejected = _git("ls-files", "--others", "*.rej").splitlines()
    conflicts = sorted({*marked, *unmerged, *rejected})
    if conflicts:
        title = "The update is in, but these files have conflicts; resolve them, then commit:"
        left = ["\n  ".join([title, *conflicts]), *left]
    if left:
        raise UpdateError("\n".join(left))
    print("Run `make check test`, then commit.")


def _list(title: str, paths: list[str]) -> None:
    print("\n  ".join([title, *paths]))


def _cruft(*arguments: str) -> int:
    """Run cruft. Its output is shown only when it fails, because it reports success also beside conflicts."""
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
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        msg = f"{' '.join(command[:2])} failed: {reason}"
        raise UpdateError(msg)


if __name__ == "__main__":
    try:
        main()
    except UpdateError as error:
        sys.exit(str(error))
