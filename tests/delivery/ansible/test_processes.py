"""Deploys of a service with a command and a worker, which components bring: a made-up one, on the same host."""

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from delivery.ansible.deployment import NAME, Deployment, Result
from delivery.ansible.host import SERVICE
from delivery.ansible.runbooks import follow
from delivery.ansible.tasks import Queue
from delivery.ansible.test_monitoring import ask, targets
from delivery.containers import until

pytestmark = pytest.mark.delivery

PORTS = {"blue": {"web": (9601, 9602), "worker": (9801,)}, "green": {"web": (9701, 9702), "worker": (9901,)}}
OTHER = {"blue": "green", "green": "blue"}
HASTE = "-e service_canary_percent=50 -e service_gate_seconds=3"  # enough requests within seconds


def succeeded(deployment: Deployment) -> list[str]:
    """What Prometheus says of the last run of the command."""
    series = ask(deployment, "command_last_run_success")
    return [sample["value"][1] for sample in series if sample["metric"]["command"] == "prepare"]


def containers(deployment: Deployment) -> set[str]:
    """The containers that run now; a restarted container has another id."""
    return set(deployment.host.execute("podman", "ps", "--quiet", "--no-trunc").split())


def ready(deployment: Deployment, slot: str) -> bool:
    """Whether all instances of a slot are ready."""
    ports = [port for kind in PORTS[slot].values() for port in kind]
    return all(deployment.host.answers(f"http://127.0.0.1:{port}/health/ready") for port in ports)


def kinds(deployment: Deployment) -> list[tuple[str, str]]:
    """Kind of process and slot of every target of Prometheus."""
    return sorted((target["labels"]["process"], target["labels"]["slot"]) for target in targets(deployment))


def test_a_release_may_bring_a_command_and_a_worker(tasks: Deployment, worked: Result, tasks_queue: Queue) -> None:
    """The command ran once, before the worker, which has the limits of its manifest and its label `process`."""
    assert worked.status == 0, worked.output
    slot, release = tasks.runs
    assert release == "tasks"
    assert tasks_queue.prepared == ["tasks"]
    (worker,) = json.loads(tasks.host.execute("podman", "inspect", f"acme-links-{slot}-worker-1"))
    assert worker["HostConfig"]["Memory"] == 128 * 1024 * 1024
    assert worker["HostConfig"]["PidsLimit"] == 50
    assert worker["HostConfig"]["ReadonlyRootfs"]
    assert worker["EffectiveCaps"] in ([], None)
    until(lambda: succeeded(tasks) == ["1"], "Prometheus knows that the command succeeded")
    expected = [("web", slot), ("web", slot), ("worker", slot)]
    until(lambda: kinds(tasks) == expected, "Prometheus watches the new slot alone")
    finished = [line for line in tasks.host.journal("acme-links-prepare") if '"command.finished"' in line]
    assert [json.loads(line)["env"] for line in finished] == ["staging"]


@pytest.mark.usefixtures("worked")
def test_the_second_run_changes_nothing(tasks: Deployment, tasks_queue: Queue) -> None:
    """A dry run (`--check`) of another release does not run its command."""
    before = tasks.runs, containers(tasks), tasks_queue.prepared

    with ThreadPoolExecutor() as pool:
        rehearsing = pool.submit(tasks.deploy, "locked", ANSIBLE_OPTIONS="--check --diff")
        again = tasks.deploy(before[0][1])
    rehearsed = rehearsing.result()

    assert (again.status, again.changed) == (0, 0), again.output
    assert rehearsed.status == 0, rehearsed.output

    assert (tasks.runs, containers(tasks), tasks_queue.prepared) == before


@pytest.mark.usefixtures("worked")
def test_a_good_release_takes_the_work_over_and_loses_none(tasks: Deployment, tasks_queue: Queue) -> None:
    """Both workers work while the release is watched; then the old one finishes what it has begun, and ends."""
    slot, release = tasks.runs
    after = {"tasks": "more-tasks", "more-tasks": "tasks"}[release]
    prepared, taken = tasks_queue.prepared, len(tasks_queue.taken)
    with tasks_queue.endless(0.5), tasks.host.load(50) as clients:
        result = tasks.deploy(after, ANSIBLE_OPTIONS=HASTE)
        outcome = clients.stop()
    print(f"{result.status}: {outcome} {outcome.failures[:5]}")

    assert result.status == 0, result.output
    assert outcome.failures == []
    assert tasks.runs == (OTHER[slot], after)
    assert tasks_queue.prepared == [*prepared, after]
    work = dict(tasks_queue.taken[taken:])
    until(lambda: work.keys() <= set(tasks_queue.done()), "every task that was taken is done")
    assert {task: times for task, times in Counter(tasks_queue.done()).items() if times > 1} == {}
    assert set(work.values()) == {release, after}
    assert list(work.values())[-1] == after
    state = tasks.host.container.attempt("systemctl", "is-failed", f"acme-links@{slot}-worker-1").stdout.strip()
    assert state == "inactive"  # it drained: exit status 0
    until(lambda: succeeded(tasks) == ["1"], "Prometheus knows that the command succeeded")


@pytest.mark.usefixtures("worked")
def test_a_command_that_fails_stops_the_release(tasks: Deployment, tasks_queue: Queue, tmp_path: Path) -> None:
    """The old release stays unchanged; the deploy prints the reason, Prometheus has the result. The runbook ends it."""
    before = tasks.runs, containers(tasks), tasks_queue.prepared

    result = tasks.deploy("locked")

    assert result.status != 0
    sentence = 'was rolled back on host: the command prepare failed: RuntimeError: the "table" is locked.'
    assert re.search(rf"^staging: 127.0.0.1:5000/acme-links@\S+ {re.escape(sentence)}$", result.output, re.MULTILINE)
    assert "waiting for the table" in result.output
    assert (tasks.runs, containers(tasks), tasks_queue.prepared) == before
    until(lambda: succeeded(tasks) == ["0"], "Prometheus knows that the command failed")
    event = json.loads(tasks.host.execute("tail", "-1", "/var/log/acme-links/deploys.jsonl"))
    assert event["event"] == "deploy.rolled_back"
    assert event["reason"] in sentence
    assert any('"command.failed"' in line for line in tasks.host.journal("acme-links-prepare"))

    image = f"{NAME}@{tasks.digests[before[0][1]]}"  # as if it were the repaired release
    printed = follow(tasks, "failed-command", tmp_path, command="prepare", image=image)

    assert '"command.failed"' in printed[0]
    assert tasks_queue.prepared == [*before[2], before[0][1]]
    until(lambda: succeeded(tasks) == ["1"], "Prometheus knows that the command succeeded")


@pytest.mark.usefixtures("worked")
def test_a_worker_that_is_never_ready_rolls_the_release_back(tasks: Deployment) -> None:
    """Although web is good. The old worker has worked all the time."""
    before = tasks.runs, containers(tasks)

    result = tasks.deploy("late", ANSIBLE_OPTIONS="-e service_ready_seconds=3")

    assert result.status != 0
    assert re.search(
        r"was rolled back on host: the worker at http://\S+ did not become ready within 3 s\.", result.output
    )
    until(lambda: containers(tasks) == before[1], "what did not hold has ended")
    assert tasks.runs == before[0]


@pytest.mark.usefixtures("worked")
def test_a_worker_with_unhandled_errors_rolls_the_release_back(tasks: Deployment, tasks_queue: Queue) -> None:
    """process-gate judges the worker while deploy-gate judges web."""
    before = tasks.runs, containers(tasks)

    with tasks.host.load(50) as clients, ThreadPoolExecutor(1) as pool:
        deploying = pool.submit(tasks.deploy, "careless", ANSIBLE_OPTIONS="-e service_gate_seconds=30")
        until(lambda: tasks.weight(OTHER[before[0][0]]) > 0 or deploying.done(), "it is watched", within=300)
        with tasks_queue.endless(0.1):
            result = deploying.result()
        outcome = clients.stop()
    print(f"{result.status}: {outcome} {outcome.failures[:5]}")

    assert result.status != 0
    assert re.search(r"was rolled back on host: bad: the worker at http://\S+ ", result.output)
    assert outcome.failures == []
    until(lambda: containers(tasks) == before[1], "what did not hold has ended")
    assert tasks.runs == before[0]


@pytest.mark.usefixtures("worked")
@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_an_instance_that_dies_or_hangs_is_restarted(tasks: Deployment, signal: str) -> None:
    """Of web and of the worker, by systemd; the health check detects one that hangs."""
    slot, _ = tasks.runs
    names = [f"acme-links-{slot}-{instance}" for instance in ("1", "worker-1")]
    before = {name: tasks.process(name) for name in names}

    tasks.host.execute("kill", f"-{signal}", *map(str, before.values()))

    until(lambda: all(tasks.process(name) not in {before[name], 0} for name in names), "other processes", within=90)
    until(lambda: ready(tasks, slot), "all are ready")


@pytest.mark.usefixtures("worked")
def test_a_reboot_comes_back_with_the_same_release(tasks: Deployment) -> None:
    """On the slot that had the traffic, without asking the registry, and with its worker."""
    before = tasks.runs

    tasks.host.reboot()
    until(lambda: tasks.host.answers(SERVICE), "the service answers")

    until(lambda: ready(tasks, before[0]), "all instances run")
    assert tasks.runs == before


@pytest.mark.usefixtures("worked")
def test_a_rollback_restores_the_previous_worker(tasks: Deployment, tasks_queue: Queue) -> None:
    """Without running the command of the old release."""
    slot, release = tasks.runs
    if release == "tasks":  # the other one may never have run here
        assert tasks.deploy("more-tasks", ANSIBLE_OPTIONS="-e service_gate=false").status == 0
        slot, release = tasks.runs
    prepared = tasks_queue.prepared

    result = tasks.play("rollback.yml")

    assert result.status == 0, result.output
    assert tasks.runs == (OTHER[slot], "tasks")
    assert tasks_queue.prepared == prepared
