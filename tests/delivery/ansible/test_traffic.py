"""The errors of `traffic`. The deploys to a host test it with a real haproxy."""

import subprocess
import sys

import pytest
from template import ROOT, SERVICE_DIRECTORY

TRAFFIC = ROOT / SERVICE_DIRECTORY / "deploy/ansible/roles/service/files/traffic.py"


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["acme", "blue=95", "--socket", "/nowhere"], 1, "haproxy does not answer at /nowhere: [Errno 2] No such file"),
        (["acme", "blue"], 2, "'blue' must look like blue=95, a slot and a share of 0 to 256"),
        (["acme", "blue=257"], 2, "'blue=257' must look like blue=95, a slot and a share of 0 to 256"),
        (["acme"], 2, "the following arguments are required: SLOT=SHARE"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], status: int, sentence: str) -> None:
    """With an exit status that stops the deploy."""
    command = [sys.executable, "-I", str(TRAFFIC), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    assert done.returncode == status
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
