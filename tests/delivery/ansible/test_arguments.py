"""What the role makes of its variables, without a host: as text from the command line, and where they mean nothing."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from made_up_template import MadeUp

pytestmark = pytest.mark.delivery

ANSIBLE = str(Path(sys.executable).with_name("ansible-playbook"))
IMAGE = f"registry.example.com/acme-links@sha256:{'a' * 64}"
READ = """\
- hosts: service
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: service, tasks_from: arguments, public: true}
    - ansible.builtin.include_tasks: told.yml
"""
TOLD = """\
- ansible.builtin.set_fact: {service_active: blue}
- ansible.builtin.copy:
    content: "{{ told | to_json }}"
    dest: "{{ playbook_dir }}/told.json"
    mode: "0600"
  vars:
    told:
      - "{{ service_release }}"
      - "{{ service_stop_seconds }}"
      - "{{ service_slots }}"
      - "{{ service_processes.worker.management_ports }}"
      - "{{ service_members }}"
      - "{{ service_settings }}"
      - "{{ service_watched }}"
      - "{{ lookup('ansible.builtin.template', 'haproxy.cfg.j2') }}"
      - "{{ lookup('ansible.builtin.template', 'unit.service.j2') }}"
"""
NUMBERS = {
    "service_instances": 2,
    "service_worker_instances": 3,
    "service_drain_seconds": 7,
    "service_graceful_seconds": 30,
    "service_flush_seconds": 11,
    "service_gate": False,
    "service_trust_remote_parent": True,
}
REFUSED: Mapping[str, tuple[Any, str]] = {
    "service_instances": ("two", 'must be a whole number from 1 to 100, not "two".'),
    "service_worker_instances": (-1, "must be a whole number from 0 to 100, not -1."),
    "service_drain_seconds": ("5s", 'must be a whole number from 0 to 3600, not "5s".'),
    "service_graceful_seconds": (2.5, "must be a whole number from 1 to 86400, not 2.5."),
    "service_flush_seconds": (None, "must be a whole number from 1 to 3600, not null."),
    "service_ready_seconds": ("", 'must be a whole number from 1 to 3600, not "".'),
    "service_command_seconds": (0, "must be a whole number from 1 to 86400, not 0."),
    "service_canary_percent": ("101", 'must be a whole number from 1 to 100, not "101".'),
    "service_gate_seconds": (True, "must be a whole number from 1 to 86400, not true."),
    "service_gate_timeout": ([], "must be a whole number from 1 to 86400, not []."),
    "service_gate_requests": ("1e3", 'must be a whole number from 1 to 999999, not "1e3".'),
    "service_node_exporter": (70000, "must be a whole number from 1 to 65535, not 70000."),
    "service_gate": ("maybe", 'must be true or false, not "maybe".'),
    "service_commands": (2, "must be true or false, not 2."),
    "service_trust_remote_parent": ("", 'must be true or false, not "".'),
    "service_proxies": (
        "10.0.0.1",
        """must be a list, on the command line -e '{"service_proxies": ["10.0.0.1"]}', not "10.0.0.1".""",
    ),
    "service_variables": ("LOG_LEVEL=debug", "must be names with values, on the command line -e '{"),
    "service_memory": ("256", 'must be a size such as 256m or 1g, not "256".'),
    "service_worker_memory": ("1 GB", 'must be a size such as 256m or 1g, not "1 GB".'),
    "service_environment": ("our staging", 'must be one word, not "our staging".'),
    "service_listen": ("", 'must be one word, not "".'),
}
SYSTEMCTL = """\
#!/bin/sh
# As on a host that does not have the unit yet.
[ "$1" = show ] && printf 'LoadState=not-found\\nActiveState=inactive\\n'
exit 0
"""


@pytest.fixture(scope="module")
def role(made_up: MadeUp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The role of a service with a command and a worker, beside a play that only tells what it would do."""
    directory = tmp_path_factory.mktemp("role")
    roles = made_up.service("tasks") / "deploy/ansible/roles"
    (directory / "roles").symlink_to(roles)
    (directory / "templates").symlink_to(roles / "service/templates")
    return directory


def play(role: Path, hosts: Mapping[str, Mapping[str, Any]], *options: str) -> subprocess.CompletedProcess[str]:
    """Run the role's first tasks for made-up hosts."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "service_image": IMAGE}
    inventory = {"service": {"hosts": {name: {**local, **variables} for name, variables in hosts.items()}}}
    (role / "inventory.yml").write_text(json.dumps(inventory), encoding="utf-8")
    (role / "told.yml").write_text(TOLD, encoding="utf-8")
    (role / "play.yml").write_text(READ, encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    command = [ANSIBLE, "-i", "inventory.yml", "play.yml", *options]
    return subprocess.run(command, cwd=role, env=environment, capture_output=True, text=True, check=False)


def test_text_from_the_command_line_is_what_it_says(role: Path) -> None:
    """The same release, ports, limits and files as with numbers in the inventory."""
    options = [part for name, value in NUMBERS.items() for part in ("-e", f"{name}={value}")]
    told = []
    for done in (play(role, {"one": NUMBERS}), play(role, {"one": {}}, *options)):
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(json.loads((role / "told.json").read_text("utf-8")))
    numbers, texts = told
    assert texts == numbers
    assert numbers[1] == 48
    assert "timeout server 70s" in numbers[7]


def test_what_means_nothing_is_refused(role: Path) -> None:
    """Each variable, in one sentence that names it and what would be right. A host has the faults of one task."""
    hosts: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, (value, sentence) in REFUSED.items():
        hosts[re.sub("[^a-z]+", "-", sentence)[:16].strip("-")][name] = value
    hosts["file"]["service_variables"] = {"A": "x\ns3cr3t", "a b": "x"}
    done = play(role, hosts)
    place = "must be a name of letters, digits and underscores, with a value on one line."
    expected = [f"{name} {sentence}" for name, (_, sentence) in REFUSED.items()]
    expected += [f'service_variables: "{name}" {place}' for name in ("A", "a b")]
    lines = re.findall(r"^(?:failed|fatal): \[.* => (\{.*\})$", done.stdout, re.MULTILINE)
    found = [json.loads(line)["msg"] for line in lines]
    assert [sentence for sentence in found if not sentence.startswith(tuple(expected))] == []
    assert [sentence for sentence in expected if not any(each.startswith(sentence) for each in found)] == []
    assert "s3cr3t" not in done.stdout
    assert done.returncode == 2


def test_every_variable_of_the_role_is_looked_at(made_up: MadeUp) -> None:
    """A new default has its row in arguments.yml."""
    tasks = made_up.service("tasks") / "deploy/ansible/roles/service"
    names = set(re.findall(r"^(service_\w+):", (tasks / "defaults/main.yml").read_text("utf-8"), re.MULTILINE))
    text = (tasks / "tasks/arguments.yml").read_text("utf-8") + (tasks / "tasks/main.yml").read_text("utf-8")
    free = {"service_registry_user", "service_registry_password"}  # any text
    assert {name for name in names - free if not re.search(rf"\b{name}\b", text)} == set()


def test_a_new_host_can_be_looked_at_first(made_up: MadeUp, tmp_path: Path) -> None:
    """`--check` goes through where neither haproxy nor podman is yet."""
    if Path("/etc/haproxy/haproxy.cfg").exists() or os.geteuid() != 0:
        pytest.skip("needs root, and a machine without haproxy")
    stub = tmp_path / "systemctl"
    stub.write_text(SYSTEMCTL, encoding="utf-8")
    stub.chmod(0o755)
    hosts = {"one": {"ansible_connection": "local", "service_monitoring": []}}
    (tmp_path / "inventory.yml").write_text(json.dumps({"service": {"hosts": hosts}}), encoding="utf-8")
    command = [ANSIBLE, "-i", str(tmp_path / "inventory.yml"), "-e", f"service_image={IMAGE}", "--check", "site.yml"]
    done = subprocess.run(
        command,
        cwd=made_up.service("tasks") / "deploy/ansible",
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed=0" in done.stdout
