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
    """Skip with the reason where this checkout cannot have the release, and fail where it should.

    With WHOLE_HISTORY in the environment, as in the pipeline of this repository, every release must be there.
    """
    if git(machine, "cat-file", "-e", f"{entry.at}^{{commit}}").status == 0:
        return
    reason = absence(machine, entry)
    if reason and not os.environ.get("WHOLE_HISTORY"):
        pytest.skip(f"no update from {entry.version} was tried: {reason}")
    pytest.fail(f"releases.toml names {entry.at} for {entry.version}, which is missing; {reason or 'no commit has it'}")


def absence(machine: Machine, entry: Release) -> str:
    """Why a checkout does not have a release; empty when it should."""
    if entry.tag and entry.version == version():
        return "this commit is about to become the release"
    shallow = git(machine, "rev-parse", "--is-shallow-repository")
    if shallow.status != 0:
        return "this is no git checkout"
    return "this clone is shallow, get the rest: git fetch --unshallow --tags" if "true" in shallow.stdout else ""


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
