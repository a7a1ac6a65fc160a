"""The example of a blog, copied into a service by the commands of its README: its tests and the linters pass."""

from pathlib import Path

import pytest
from documents import block
from template import ROOT, Machine

EXAMPLE = ROOT / "docs/examples/blog"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """One home for all tests."""
    return Machine(tmp_path_factory.mktemp("blog"))


@pytest.fixture(scope="module")
def service(machine: Machine) -> Path:
    """A service with the component, and the example in it."""
    service = machine.cookiecutter(machine.template(), {"components": "database"}).service
    commands = f"EXAMPLE={EXAMPLE} PACKAGE=acme_links\n{block(EXAMPLE, 'README.md', 'cp -r')}"
    done = machine.run(["sh", "-euc", commands], service)
    assert done.status == 0, done.stderr
    return service


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "mypy", "pytest -q -p no:cacheprovider tests/api/posts"],
    ids=lambda command: " ".join(command.split()[:2]),
)
def test_the_example_passes(machine: Machine, service: Path, command: str) -> None:
    """The commands that `make check` and `make test` run."""
    done = machine.run(["uv", "run", "--quiet", *command.split()], service)

    assert done.status == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_the_tables_are_those_of_the_migration(machine: Machine, service: Path) -> None:
    """Otherwise `make migration` would write another one."""
    done = machine.run(["uv", "run", "--quiet", "python", "-m", "acme_links", "migrate"], service)
    assert done.status == 0, done.stderr

    migrations = sorted((service / "src/acme_links/migrations").glob("v*.py"))
    machine.run(["uv", "run", "--quiet", "python", "-m", "acme_links", "migration", "nothing"], service)

    assert sorted((service / "src/acme_links/migrations").glob("v*.py")) == migrations
    assert migrations[-1].name == "v0003_posts.py"
