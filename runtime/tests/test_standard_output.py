"""Commands that print end without a message when the reader of their output has left, as `| head` does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from firstlight.exit_status import READER_LEFT

from .conftest import FAULTS, TIMEOUT_SECONDS

PACKAGE = "parcels"
PAGE = """
import sys
from firstlight import Identity, Service, main

SERVICE = Service(
    identity=Identity(
        name="parcels",
        version="1",
        defaults={"slo_availability": 0.99, "slo_latency": 0.99, "slo_latency_seconds": 0.25},
    )
)
if __name__ == "__main__":
    sys.exit(main(SERVICE))
"""


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "parcels.service", "settings"],
        ["-m", "parcels.service", "--help"],
        ["-m", "firstlight", "settings", PACKAGE],
        ["-m", "firstlight", "openslo", PACKAGE],
        ["-m", "firstlight", "check", "--list"],
    ],
    ids=" ".join,
)
def test_the_reader_may_leave(tmp_path: Path, command: list[str]) -> None:
    """Each command writes into a pipe that nobody reads."""
    package = tmp_path / PACKAGE
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "service.py").write_text(PAGE, "utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(  # noqa: S603 - the commands under test
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(FAULTS.parents[1])])},
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (READER_LEFT, b"")
