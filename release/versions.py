"""The places that hold the version: the library, the project, `releases.toml` and the lock of the library."""

import subprocess
import tomllib
from collections.abc import Iterator

from generator.library import version as of_the_library
from generator.releases import FILE, RELEASES, Release
from generator.repository import ROOT

LIBRARY = "runtime/src/firstlight/__init__.py"
PROJECT = "pyproject.toml"


def entry(version: str) -> Release | None:
    """The release in `releases.toml`, if it is there."""
    return next((each for each in RELEASES if each.version == version), None)


def faults(version: str, uv: str) -> Iterator[str]:
    """The places that hold another version, or none."""
    if of_the_library() != version:
        yield f'{LIBRARY} has {of_the_library()}; write __version__ = "{version}".'
    project = tomllib.loads((ROOT / PROJECT).read_text("utf-8"))["project"]["version"]
    if project != version:
        yield f'{PROJECT} has {project}; write version = "{version}".'
    yield from _faults_of_the_entry(version)
    yield from _faults_of_the_lock(uv)


def _faults_of_the_entry(version: str) -> Iterator[str]:
    found = entry(version)
    if found is None:
        yield f'{FILE} has no release {version}; add it at the top, with tag = "v{version}", released, supported_until.'
    elif not found.tag:
        yield f"{FILE}: {version} is the commit {found.commit[:12]} already; choose a higher version."
    elif found is not RELEASES[0]:
        yield f"{FILE}: {RELEASES[0].version} is newer than {version}; choose a higher version."


def _faults_of_the_lock(uv: str) -> Iterator[str]:
    command = [uv, "lock", "--check", "--quiet"]
    done = subprocess.run(command, cwd=ROOT / "runtime", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it is out of date"])[-1].rstrip(".")
        yield f"runtime/uv.lock is not what uv would write ({reason}); run: cd runtime && uv lock"
