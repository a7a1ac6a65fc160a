"""`.ci/pytest`: what fails runs once more, alone, and what fails always still fails."""

import sys
from pathlib import Path

import pytest
from template import ROOT, Machine, Outcome

ONCE = """
import os, pathlib

def test_once():
    seen = pathlib.Path(__file__).with_suffix(".seen")
    there = seen.exists()
    seen.touch()
    assert there
    assert "PYTEST_XDIST_WORKER" not in os.environ
"""
ALWAYS = """
import pytest

@pytest.mark.parametrize("number", range({number}))
def test_always(number):
    assert number < 0
"""
FINE = """
def test_fine():
    pass
"""


def run(machine: Machine, tmp_path: Path, **files: str) -> Outcome:
    """Run these tests, with a worker."""
    for name, source in files.items():
        (tmp_path / f"test_{name}.py").write_text(source, "utf-8")
    own = [f"PASSED_ALONE={tmp_path / 'passed'}", f"TMPDIR={tmp_path}"]
    command = [*own, ROOT / ".ci/pytest", "trial", sys.executable, "-m", "pytest"]
    return machine.run(["env", *map(str, command), "-n", "1", str(tmp_path)], tmp_path)


def passed_alone(tmp_path: Path) -> str:
    """The names that `.ci/run` prints at its end."""
    return (tmp_path / "passed").read_text() if (tmp_path / "passed").exists() else ""


def test_what_passes_alone_passes_and_is_named(machine: Machine, tmp_path: Path) -> None:
    """In a second run without workers, of nothing else."""
    done = run(machine, tmp_path, once=ONCE, fine=FINE)

    assert done.status == 0, done.stdout
    assert "== trial: passed only alone: 1\n" in done.stdout
    first, second = done.stdout.split("== trial: what failed, once more and alone\n")
    assert ("1 failed, 1 passed" in first, "1 passed" in second) == (True, True)
    assert passed_alone(tmp_path) == "trial: test_once.py::test_once\n"


@pytest.mark.parametrize(("number", "again"), [(1, True), (5, False)], ids=["one", "too many"])
def test_what_fails_always_fails(machine: Machine, tmp_path: Path, number: int, *, again: bool) -> None:
    """Whatever failed beside it. More than five do not run again."""
    done = run(machine, tmp_path, once=ONCE, always=ALWAYS.format(number=number))

    assert done.status == 1, done.stdout
    assert ("once more and alone" in done.stdout, "failed, which is too many" in done.stdout) == (again, not again)
    assert passed_alone(tmp_path) == ""


def test_what_passes_runs_once(machine: Machine, tmp_path: Path) -> None:
    """And a suite without tests is still a mistake."""
    done = run(machine, tmp_path, fine=FINE)
    assert (done.status, "once more" in done.stdout) == (0, False), done.stdout

    (tmp_path / "test_fine.py").unlink()
    assert run(machine, tmp_path).status == pytest.ExitCode.NO_TESTS_COLLECTED
