"""A command of the service, run once with the variables of `.env`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
print(os.environ["GREETING"], os.environ["FAREWELL"], os.environ["DRAIN_SECONDS"], *sys.argv[1:])
sys.exit(3)
"""


def once(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it in a directory."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "firstlight", "once", *arguments],
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_runs_a_command_with_the_variables_of_the_file(tmp_path: Path) -> None:
    """The real environment takes precedence; the exit status is that of the command."""
    (tmp_path / "scales.py").write_text(PROGRAM, "utf-8")
    (tmp_path / ".env").write_text("GREETING=file\nFAREWELL=file\n", "utf-8")

    done = once(tmp_path, "scales", "weigh", "two words", FAREWELL="real")

    assert (done.returncode, done.stdout) == (3, "file real 0 weigh two words\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["scales"], "needs the package of the service and a command"), (["scales", "weigh"], ".env")],
)
def test_refuses_bad_use_in_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    """A missing command, and a bad line."""
    (tmp_path / ".env").write_text("no assignment\n", "utf-8")

    done = once(tmp_path, *arguments)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
