"""The template as it was at a release, from the commits of this repository."""

import os
import shutil
from pathlib import Path

import pytest
from template import NOT_PART_OF_THE_TEMPLATE, ROOT, Machine, Outcome

from generator.library import version
from generator.releases import Release


def git(machine: Machine, *arguments: str) -> Outcome:
    """Ask git about this repository, also where it belongs to another user, as in a container."""
    return machine.run(["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *arguments], machine.directory)


def need(machine: Machine, entry: Release) -> None:
    """Skip with the reason where this checkout does not have the release.

    With WHOLE_HISTORY in the environment, as in the pipeline of this repository, every release must be there.
    """
    if git(machine, "cat-file", "-e", f"{entry.at}^{{commit}}").status == 0:
        return
    reason = f"{entry.at} of release {entry.version} is not here: {absence(machine, entry)}"
    if os.environ.get("WHOLE_HISTORY") and entry.version != version():
        pytest.fail(reason)
    pytest.skip(reason)


def absence(machine: Machine, entry: Release) -> str:
    """Why a checkout does not have a release, and what to do."""
    if entry.version == version():
        return "it is the next one, which this commit prepares"
    shallow = git(machine, "rev-parse", "--is-shallow-repository")
    if shallow.status != 0:
        return "this is no git checkout"
    if "true" in shallow.stdout:
        return "this clone is shallow, run: git fetch --unshallow --tags"
    return "this repository has another history, run: git fetch --tags with the template's"


def at(machine: Machine, entry: Release) -> Path:
    """A repository whose only commit has the files of the release."""
    template = machine.directory / "firstlight"
    template.mkdir()
    archive = machine.directory / "release.tar"
    packed = git(machine, "archive", "--output", str(archive), entry.at)
    assert packed.status == 0, packed.stderr
    assert machine.run(["tar", "-xf", str(archive)], template).status == 0
    machine.commit(template, f"Release {entry.version}")
    return template


def become_this_one(machine: Machine, template: Path) -> str:
    """Commit the files of this working tree as the next version of a template."""
    for path in template.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(ROOT, template, ignore=NOT_PART_OF_THE_TEMPLATE, dirs_exist_ok=True)
    return machine.commit(template, "This commit")
