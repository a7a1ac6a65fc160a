"""What can be said about the roles without a host."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.delivery


def test_ansible_lint_has_nothing_to_say(checkout: Path) -> None:
    """The profile for production, without looking anything up."""
    lint = Path(sys.executable).with_name("ansible-lint")
    command = [str(lint), "--offline", "--profile", "production", "--strict", "-q"]
    done = subprocess.run(command, cwd=checkout / "deploy/ansible", capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
