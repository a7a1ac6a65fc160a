"""Fixtures: one container engine, one clean checkout and one image for all tests of delivery."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Generate
from delivery.containers import Containers, missing
from delivery.image import Image
from delivery.workflows import ORIGIN
from rulebook import ALERTS
from template import EVERYTHING, Machine, files

SERVERLESS = EVERYTHING | {"components": "http_client"}  # `ansible/test_schema.py` has a database
KEPT = "runtime.yml"  # the unit tests of the rule that tests of pipelines break


@pytest.fixture(scope="session")
def containers() -> Iterator[Containers]:
    """Start with an empty engine. CI must have the tools; elsewhere say which are missing and how to get them."""
    lacking = missing()
    if lacking and not os.environ.get("CI"):
        pytest.skip(lacking)
    assert not lacking, lacking
    with Containers() as engine:
        yield engine


@pytest.fixture(scope="session")
def promtool() -> str:
    """Find promtool and amtool. Skip outside CI where one is missing."""
    lacking = not all(map(shutil.which, ("promtool", "amtool")))
    if lacking and not os.environ.get("CI"):
        pytest.skip("needs promtool and amtool: apt-get install prometheus prometheus-alertmanager")
    return shutil.which("promtool") or "promtool"


@pytest.fixture(scope="session")
def checkout(shared: Machine, generate: Generate) -> Path:
    """Clone a service with all that needs no server, as a pipeline gets it: what is committed and nothing else."""
    origin = shared.output() / "origin"
    shared.run(["cp", "-r", str(generate(**SERVERLESS)), str(origin)], shared.directory)
    shared.commit(origin)
    clone = shared.output() / "acme-links"
    shared.git("clone", "--quiet", str(origin), str(clone), directory=clone.parent)
    return clone


@pytest.fixture(scope="session")
def image(containers: Containers, checkout: Path, shared: Machine) -> Image:
    """Build the image of that checkout once. A test that builds another image does so in a copy of the checkout."""
    built = Image(containers, shared, checkout)
    built.build()
    return built


@pytest.fixture(scope="session")
def published(shared: Machine) -> Path:
    """Give a template an origin that has its commit: only then can services name the actions in it."""
    copy = shared.template("published")
    shared.git("remote", "add", "origin", "https://github.com/acme/firstlight.git", directory=copy)
    shared.git("update-ref", "refs/remotes/origin/main", "HEAD", directory=copy)
    return copy


@pytest.fixture(scope="session")
def committed(shared: Machine, template: Path) -> Path:
    """Follow the printed first steps to a commit: what the first push has.

    Of the unit tests of the rules it keeps one file: all of them take half a minute each time a pipeline runs, and they
    are byte for byte among those that `tests/alerts` runs.
    """
    generated = shared.cookiecutter(template, SERVERLESS)
    emitted = generated.service / "ops/alerts/tests"
    assert KEPT in files(emitted)
    assert files(emitted).items() <= files(ALERTS / "tests").items()  # which has those of other components as well
    for file in emitted.iterdir():
        if file.name != KEPT:
            file.unlink()
    steps = [line for line in generated.stdout.splitlines() if line.startswith("    ")]
    place, lock, commit, *_ = steps
    done = shared.run(["sh", "-ec", f"{place}\n{lock}\n{commit}"], generated.service.parent)
    assert done.status == 0, done.stderr
    shared.git("remote", "add", "origin", ORIGIN, directory=generated.service)
    return generated.service


@pytest.fixture
def service(machine: Machine, committed: Path) -> Path:
    """Give a test that service, to break it."""
    return Path(shutil.copytree(committed, machine.directory / "acme-links"))
