"""Deploys to two real hosts, with clients that send 100 requests a second to each haproxy and count failures."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from delivery.ansible.deployment import Deployment
from delivery.ansible.host import SECOND_ADDRESS, Host, Load, Outcome, linked, running_host
from delivery.containers import Containers, until
from template import Machine

pytestmark = pytest.mark.delivery

RATE = 100  # requests per second to each host
ALLOWED_FAILURES = 10  # seen by clients, until a release that fails one time in five is gone
HASTE = "-e service_canary_percent=20 -e service_gate_seconds=3"  # enough requests within seconds


@pytest.fixture(scope="session")
def pair(containers: Containers, deployment: Deployment, shared: Machine) -> Iterator[tuple[Deployment, Deployment]]:
    """Deploy to the host and to a second one, at once; each of the two views looks at one of the hosts."""
    first = deployment.host
    service = shutil.copytree(deployment.service, shared.output() / "acme-links")
    with running_host(containers, "second") as second, linked(first, second):
        inventory = first.inventory()
        del inventory["monitoring"]
        inventory["service"]["hosts"]["second"] = second.reached(SECOND_ADDRESS)
        (service / "deploy/ansible/inventory/staging.yml").write_text(json.dumps(inventory), encoding="utf-8")
        result = replace(deployment, service=service).deploy("good", ANSIBLE_OPTIONS="-e service_gate=false")
        assert result.status == 0, result.output
        yield replace(deployment, service=service), replace(deployment, service=service, host=second)


@contextmanager
def load(hosts: Sequence[Host]) -> Iterator[list[Load]]:
    """Have clients at each host."""
    with ExitStack() as stack:
        yield [stack.enter_context(host.load(RATE)) for host in hosts]


def stopped(clients: Sequence[Load]) -> list[Outcome]:
    """End the clients; their results."""
    outcomes = [load.stop() for load in clients]
    print(*outcomes, sep="\n")
    return outcomes


def test_a_good_release_is_promoted_on_both_without_a_failed_request(pair: tuple[Deployment, Deployment]) -> None:
    """No client sees a failure, neither then nor when both are rolled back by hand, which needs no registry."""
    first, second = pair
    before = first.runs, second.runs
    with load([first.host, second.host]) as clients:
        result = first.deploy("better", ANSIBLE_OPTIONS=HASTE)
        promoted = first.runs, second.runs
        back = first.play("rollback.yml", REGISTRY_PASSWORD="expired")  # noqa: S106 - one that is wrong
        outcomes = stopped(clients)

    assert result.status == 0, result.output
    assert promoted == tuple(({"blue": "green", "green": "blue"}[slot], "better") for slot, _ in before)
    assert back.status == 0, back.output
    assert (first.runs, second.runs) == before
    for outcome in outcomes:
        assert outcome.sent > 10 * RATE
        assert outcome.rate > 0.9 * RATE
        assert outcome.failures == []


def test_a_release_that_is_bad_on_the_second_host_is_rolled_back_on_both(pair: tuple[Deployment, Deployment]) -> None:
    """The first host had given it all of its traffic, and gives it to the old release again without a failure."""
    first, second = pair
    before = first.runs, second.runs
    with load([first.host, second.host]) as clients:
        result = first.deploy("failing", ANSIBLE_OPTIONS=HASTE)
        outcomes = stopped(clients)

    assert result.status != 0
    sentence = r"was rolled back on host and second because of second: bad: .* requests failed.*\."
    assert re.search(rf"^staging: 127.0.0.1:5000/acme-links@\S+ {sentence}$", result.output, re.MULTILINE)
    assert outcomes[0].failures == []
    assert 0 < len(outcomes[1].failures) <= ALLOWED_FAILURES
    assert {failure for _, failure in outcomes[1].failures} == {"500"}
    until(lambda: (first.runs, second.runs) == before, "what did not hold has ended on both")
    for deployment in pair:
        event = json.loads(deployment.host.execute("tail", "-1", "/var/log/acme-links/deploys.jsonl"))
        assert (event["event"], event["image"][-64:]) == (
            "deploy.rolled_back",
            first.digests["failing"][-64:],
        )
        assert event["reason"].startswith("second: bad: ")
        assert json.loads(deployment.host.journal("acme-links")[-1]) == event
    status = first.play("status.yml")
    assert status.status == 0, status.output
    assert status.output.count(f"runs 127.0.0.1:5000/acme-links@{first.digests['good']}") == 2


def test_the_next_deploy_repairs_one_that_was_interrupted(pair: tuple[Deployment, Deployment]) -> None:
    """Interrupted when the first host has all traffic on the new release; the next deploy, of the old one, moves it."""
    first, second = pair
    before = first.runs, second.runs
    slot = before[0][0]
    with load([first.host, second.host]) as clients:
        with first.deploying("better", ANSIBLE_OPTIONS=HASTE):
            until(lambda: first.weight(slot) == 0, "the other slot has all of the traffic", within=120)
        interrupted = first.play("status.yml")
        result = first.deploy("good")
        outcomes = stopped(clients)

    assert interrupted.status != 0
    assert re.search(
        rf"{slot} runs \S+{first.digests['good']}, but haproxy has weights .* interrupted", interrupted.output
    )
    assert result.status == 0, result.output
    assert (first.runs, second.runs) == before
    assert first.weight(slot) == 100
    assert [outcome.failures for outcome in outcomes] == [[], []]
