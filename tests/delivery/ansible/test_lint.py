"""Checks of the roles that need no host."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from made_up_template import MadeUp

pytestmark = pytest.mark.delivery

SERIAL = """\
- hosts: service
  gather_facts: false
  serial: 1
  vars: {service_commands: true}
  tasks:
    - name: Prepare
      ansible.builtin.debug: {msg: prepared}
      when: %s
"""


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


@pytest.mark.parametrize(("limit", "first"), [("all", "one"), ("two,three", "two")])
def test_a_command_runs_on_one_host_only(made_up: MadeUp, tmp_path: Path, limit: str, first: str) -> None:
    """On the first of those that are deployed to, although each of them is a batch of its own."""
    role = made_up.service("tasks") / "deploy/ansible/roles/service"
    block = yaml.safe_load((role / "tasks/release.yml").read_text("utf-8"))[0]["block"]
    (when,) = [task["when"] for task in block if "when" in task]
    hosts = {name: {"ansible_connection": "local"} for name in ("one", "two", "three")}
    (tmp_path / "inventory.yml").write_text(json.dumps({"service": {"hosts": hosts}}), encoding="utf-8")
    (tmp_path / "play.yml").write_text(SERIAL % when, encoding="utf-8")
    ansible = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [ansible, "-i", "inventory.yml", "--limit", limit, "play.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^ok: \[(\w+)\] => ", done.stdout, re.MULTILINE) == [first]
