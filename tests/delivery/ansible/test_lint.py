"""Checks of the roles that need no host."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from made_up_template import MadeUp

pytestmark = pytest.mark.delivery


def test_ansible_lint_finds_nothing(made_up: MadeUp) -> None:
    """With the production profile, offline, for roles with commands and processes of components."""
    lint = Path(sys.executable).with_name("ansible-lint")
    command = [str(lint), "--offline", "--profile", "production", "--strict", "-q"]
    done = subprocess.run(
        command, cwd=made_up.service("tasks") / "deploy/ansible", capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_service_without_commands_and_workers_has_no_trace_of_them(checkout: Path) -> None:
    """No file and no text mentions them."""
    files = {path: path.read_text("utf-8") for path in (checkout / "deploy/ansible").rglob("*") if path.is_file()}
    traces = re.compile(r"worker|process[_-]gate|service_process|run[_-]command|service_command|textfile|node_exporter")

    assert [path.name for path, text in files.items() if traces.search(path.name) or traces.search(text)] == []
