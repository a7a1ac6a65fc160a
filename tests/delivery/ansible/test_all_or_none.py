"""The order of a deploy over three hosts: the role's real flow, with notes in place of what it does on a host."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from made_up_template import MadeUp

pytestmark = pytest.mark.delivery

# What decides where the flow goes. Of everything else, the cases' steps become notes.
FLOW = {"set_fact", "include_tasks", "import_tasks", "fail", "assert", "debug"}
HOSTS = ("one", "two", "three")
IMAGE = f"registry.example.com/acme-links@sha256:{'0' * 64}"
# Notes that it was there. It fails, or is the last that its host does, where the case wants it.
NOTE = "cd {} && sh step.sh {{{{ inventory_hostname }}}} {}"
STEP = """
echo "$*" >>journal
if grep -qx "cut=$*" case; then touch "cut-$1"; fi
if grep -qx "fail=$*" case; then printf broken; exit 1; fi
"""
STATE = """
- name: Find the running release
  ansible.builtin.set_fact:
    service_active: blue
    service_running: "{{ service_release if has_it is defined else 'old' }}"
"""
STEPS = {
    "Run {{ service_command }}": "command",
    "Start its instances": "start",
    "Give the idle slot its share, judge it, and move the traffic back when it is bad": "judge",
    "Write the active slot to haproxy's configuration": "promote",
    "Give the old slot all of the traffic": "back",
    "Let the idle slot drain": "settle",
}


class Case(NamedTuple):
    """What goes wrong, what the hosts do, and what the deploy prints."""

    wrong: str
    steps: str  # `host step`, in order within a host; only the order of turns counts between hosts
    says: str


CASES = {
    "good": Case(
        "",
        "one command, one start, one judge, one judge, two start, two judge, two judge, three start, three judge, "
        "three judge, one promote, two promote, three promote, one settle, two settle, three settle",
        "",
    ),
    "the command fails": Case(
        "fail=one command",
        "one command, one back, two back, three back",
        "was rolled back on one and two and three because of one: broken.",
    ),
    "bad on the second": Case(
        "fail=two judge",
        "one command, one start, one judge, one judge, two start, two judge, one back, two back, three back",
        "was rolled back on one and two and three because of two: broken.",
    ),
    "the second is cut off": Case(
        "cut=two start",
        "one command, one start, one judge, one judge, two start, one back, three back",
        "was rolled back on one and three because of two: it failed, or cannot be reached any more. two may run it: "
        "status.yml prints what each host runs, the next deploy repairs it.",
    ),
    "the promotion fails on the third": Case(
        "fail=three promote",
        "one command, one start, one judge, one judge, two start, two judge, two judge, three start, three judge, "
        "three judge, one promote, two promote, three promote, one back, two back, three back",
        "was rolled back on one and two and three because of three: broken.",
    ),
    "the rollback fails on the first": Case(
        "fail=two judge\nfail=one back",
        "one command, one start, one judge, one judge, two start, two judge, one back, two back, three back",
        "was rolled back on two and three because of two: broken. one may run it: status.yml prints what each host "
        "runs, the next deploy repairs it.",
    ),
    "the first has it already": Case(
        "has=one\nfail=three judge",
        "two command, two start, two judge, two judge, three start, three judge, two back, three back, one settle",
        "was rolled back on two and three because of three: broken. one had it before this deploy and kept it: deploy "
        "one release to all hosts.",
    ),
}


def noted(tasks: list[dict[str, Any]], here: Path) -> list[dict[str, Any]]:
    """Keep the flow, make a note of what the cases speak of, and leave out the rest."""
    kept: list[dict[str, Any]] = []
    for task in tasks:
        if "block" in task:
            parts = {part: noted(task[part], here) for part in task.keys() & {"block", "rescue"}}
            kept += [task | parts] if parts["block"] else []
        elif task["name"] in STEPS:
            words = {word: value for word, value in task.items() if word in {"name", "when", "vars"}}
            kept.append(words | {"ansible.builtin.raw": NOTE.format(here, STEPS[task["name"]])})
        elif any(f"ansible.builtin.{module}" in task for module in FLOW):
            kept.append(task)
    return kept


def prepare(role: Path, here: Path, case: Case) -> None:
    """Write the role with notes, a play over three hosts, and what goes wrong."""
    for file in (role / "tasks").glob("*.yml"):
        tasks = noted(yaml.safe_load(file.read_text("utf-8")), here)
        target = here / "roles/service/tasks" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(yaml.safe_dump(tasks, sort_keys=False), encoding="utf-8")
    for name, text in (("state", STATE), ("arguments", "[]"), ("host", "[]"), ("proxy", "[]"), ("event", "[]")):
        (here / f"roles/service/tasks/{name}.yml").write_text(text, encoding="utf-8")
    for folder in ("defaults", "vars", "templates"):
        (here / "roles/service" / folder).symlink_to(role / folder)
    reached = {
        "ansible_connection": "{{ 'ssh' if ('" + str(here) + "/cut-' ~ inventory_hostname) is exists else 'local' }}",
        "ansible_host": "127.0.0.1",
        "ansible_port": 1,  # nobody listens
        "ansible_python_interpreter": sys.executable,
    }
    has = [line.removeprefix("has=") for line in case.wrong.splitlines() if line.startswith("has=")]
    hosts = {name: {"has_it": True} if name in has else {} for name in HOSTS}
    inventory = {"service": {"hosts": hosts, "vars": {**reached, "service_image": IMAGE}}}
    (here / "inventory.yml").write_text(json.dumps(inventory), encoding="utf-8")
    (here / "step.sh").write_text(STEP, encoding="utf-8")
    (here / "case").write_text(case.wrong, encoding="utf-8")
    (here / "site.yml").write_text(
        (role.parents[1] / "site.yml").read_text("utf-8").replace("become: true", "become: false")
    )


def deploy(here: Path) -> subprocess.CompletedProcess[str]:
    """Run the play."""
    ansible = str(Path(sys.executable).with_name("ansible-playbook"))
    return subprocess.run(
        [ansible, "-i", "inventory.yml", "site.yml"],
        cwd=here,
        env={"PATH": "/usr/bin:/bin", "HOME": str(here), "ANSIBLE_NOCOLOR": "1", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_hosts_end_on_one_release(made_up: MadeUp, tmp_path: Path) -> None:
    """Each case fails alone, and the deploy ends in the same way on all hosts that can be reached."""
    role = made_up.service("tasks") / "deploy/ansible/roles/service"
    places = {name: tmp_path / str(number) for number, name in enumerate(CASES)}
    for name, case in CASES.items():
        places[name].mkdir()
        prepare(role, places[name], case)
    with ThreadPoolExecutor(3) as pool:
        results = dict(zip(CASES, pool.map(deploy, places.values()), strict=True))
    for name, case in CASES.items():
        output = results[name].stdout + results[name].stderr
        done, turns = (places[name] / "journal").read_text("utf-8").splitlines(), ("start", "judge")
        expected = case.steps.split(", ")
        assert sorted(done) == sorted(expected), f"{name}\n{output}"
        assert [s for s in done if s.endswith(turns)] == [s for s in expected if s.endswith(turns)], name
        assert (results[name].returncode == 0) == (case.says == ""), f"{name}\n{output}"
        assert f"{IMAGE} {case.says}" in output or not case.says, f"{name}\n{output}"
