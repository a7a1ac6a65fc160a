"""The lowest versions that pyproject.toml allows install together with all extras, and the components work on them.

`LONG=1` runs all tests of components on them. The versions that every other test runs on are the highest ones.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[2]
UV = shutil.which("uv") or str(RUNTIME.parent / ".tools/bin/uv")
EXTRAS = "cache,database,http-client,development"
PRIVATE = ("tests/test_private_surfaces.py", "tests/traces/test_encoding.py")  # what libraries do not guarantee
SMOKE = (
    "tests/components/cache/test_memory.py",
    "tests/components/cache/test_reading.py",
    "tests/components/database/test_reads.py",
    "tests/components/database/schema/test_migrate.py",
    "tests/components/http_client/test_clients.py",
)
INSTALL_SECONDS, TEST_SECONDS = 300, 1800


def ran(*command: str, seconds: int) -> None:
    """Run a command in `runtime/`, which must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTEST_"))}
    done = subprocess.run(  # noqa: S603 - uv and Python
        command, cwd=RUNTIME, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_the_extras_named_here_are_all() -> None:
    """A component with another extra is installed as well."""
    project = tomllib.loads((RUNTIME / "pyproject.toml").read_text("utf-8"))["project"]
    assert sorted(EXTRAS.split(",")) == sorted(project["optional-dependencies"])


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="one Python is enough: the lowest")
def test_the_lowest_versions_install_and_work(tmp_path: Path) -> None:
    """What runs on them is the library itself, not a copy."""
    python = str(tmp_path / "venv/bin/python")
    ran(UV, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv"), seconds=INSTALL_SECONDS)
    lowest = [UV, "pip", "install", "--quiet", "--python", python, "--resolution", "lowest-direct"]
    ran(*lowest, "--group", "dev", "--editable", f".[{EXTRAS}]", seconds=INSTALL_SECONDS)
    every = ("tests/components", f"--ignore={Path(__file__).relative_to(RUNTIME)}")
    tests = (*PRIVATE, *(every if os.environ.get("LONG") else SMOKE))
    ran(python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests, seconds=TEST_SECONDS)
