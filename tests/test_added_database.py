"""`database` comes to a service that exists: by an update, and what its README says to do after it."""

import re
import shutil
from pathlib import Path

import pytest
from template import Machine, Outcome, files

pytestmark = pytest.mark.slow

PACKAGE = "src/acme_links"
PAGE = f"{PACKAGE}/service.py"
EXAMPLE = f"{PACKAGE}/migrations/v0002_links.py"
LINE = "from firstlight.components.database import DATABASE"


def test_the_example_moves_onto_the_database(machine: Machine) -> None:
    """No file of the team changes, `make check` names one line, and the commands of the README lead to green tests."""
    service = machine.cookiecutter(machine.template(), {"components": "http_client"}).service
    page = service / PAGE
    page.write_text(page.read_text("utf-8").replace("    checks=[],\n", "    checks=[],  # ours\n"), "utf-8")
    machine.commit(service)
    before = files(service)

    updated = machine.run(["make", "update", 'ANSWERS={"components": "http_client,database"}'], service)

    assert updated.status == 0, updated.stderr
    now = files(service)
    assert [
        path for path in before if path.startswith((f"{PACKAGE}/api/", "tests/")) and now[path] != before[path]
    ] == []
    assert now[PAGE] == before[PAGE]
    assert {f"{PACKAGE}/tables.py", EXAMPLE} <= now.keys()
    assert findings(machine.run(["make", "check"], service)) == [
        f"{PAGE}: add DATABASE to components=[...] and import it: `{LINE}`; service.toml lists database."
    ]

    without = machine.directory / "without"  # the example, or this line alone
    shutil.copytree(service, without, ignore=shutil.ignore_patterns(".venv"), symlinks=True)
    machine.git(*_command(service), directory=service)
    assert "checks=[],  # ours\n" in page.read_text("utf-8")
    for target in ("check", "test"):
        done = machine.run(["make", target], service)
        assert done.status == 0, done.stdout[-5000:] + done.stderr[-3000:]

    _add_the_line(without / PAGE)
    check = [str(service / ".venv/bin/python"), "-m", "firstlight", "check"]
    assert any("drop table links" in each for each in findings(machine.run(check, without)))
    (without / EXAMPLE).unlink()
    assert findings(machine.run(check, without)) == []


def findings(outcome: Outcome) -> list[str]:
    """The sentences of `make check`."""
    assert re.search(r"checks, (no|\d+) finding", outcome.stdout), outcome.stdout[-5000:] + outcome.stderr[-3000:]
    return [line.strip() for line in outcome.stdout.splitlines() if line.startswith("  ")]


def _command(service: Path) -> list[str]:
    """The arguments of git, as the README writes them."""
    found = re.search(r"`git (apply [^`]+)`", (service / "README.md").read_text("utf-8"))
    assert found is not None
    return found[1].split()


def _add_the_line(page: Path) -> None:
    text = page.read_text("utf-8").replace("    components=[\n", "    components=[\n        DATABASE,\n")
    page.write_text(
        text.replace("\nfrom firstlight.components.http", f"\n{LINE}\nfrom firstlight.components.http", 1), "utf-8"
    )
