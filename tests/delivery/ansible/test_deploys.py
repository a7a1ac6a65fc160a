"""Deploys to a real host. Those that move traffic are in `test_two_hosts.py`."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from delivery.ansible.deployment import NAME, Deployment, Result
from delivery.ansible.host import PASSWORD, SERVICE, USER

pytestmark = pytest.mark.delivery

RATE = 200


def test_wrong_variables_are_named_before_the_deploy(deployment: Deployment) -> None:
    """One sentence each."""
    place = {"ENVIRONMENT": "staging", "IMAGE": "registry.example.com/a", "DIGEST": f"sha256:{'0' * 64}"}
    for mistake, sentence in (
        ({"ENVIRONMENT": "moon"}, "ENVIRONMENT must be one of production staging."),
        ({"IMAGE": "acme-links"}, "IMAGE must be a registry and a name, such as registry.example.com/acme-links."),
        ({"DIGEST": "latest"}, "DIGEST must be the digest of the image: sha256: and 64 hexadecimal digits."),
    ):
        words = [f"{name}={value}" for name, value in (place | mistake).items()]
        done = subprocess.run(
            ["make", "--silent", "deploy-ansible", *words],
            cwd=deployment.service,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert done.stderr.splitlines()[0] == sentence


def test_the_first_run_deploys_and_the_second_changes_nothing(deployment: Deployment, deployed: Result) -> None:
    """Ansible reports no changed task."""
    assert deployed.status == 0, deployed.output
    assert deployed.changed > 0
    assert deployed.output.splitlines()[-1] == f"staging runs 127.0.0.1:5000/acme-links@{deployment.digests['good']}."
    assert deployment.runs == ("blue", "good")
    assert deployment.host.get(SERVICE)[0] == 200

    with ThreadPoolExecutor() as pool:
        rehearsing = pool.submit(deployment.deploy, "good", ANSIBLE_OPTIONS="--check --diff")
        again = deployment.deploy("good")
    rehearsed = rehearsing.result()

    assert (again.status, again.changed) == (0, 0), again.output
    assert (rehearsed.status, rehearsed.changed) == (0, 0), rehearsed.output


@pytest.mark.usefixtures("deployed")
def test_a_refused_registry_login_changes_nothing(deployment: Deployment) -> None:
    """The deploy prints why it failed, without the password."""
    before = deployment.runs
    assert "ancient" not in deployment.images

    result = deployment.deploy("ancient", REGISTRY_PASSWORD="let nobody in")  # noqa: S106 - one that is wrong

    assert result.status != 0
    assert 'was rolled back on host: Error: logging into "127.0.0.1:5000": invalid username/password.' in result.output
    assert "let nobody in" not in result.output
    assert deployment.runs == before


@pytest.mark.usefixtures("deployed")
def test_old_images_do_not_fill_the_disk(deployment: Deployment) -> None:
    """Old images that no container uses are removed; those of recent releases stay, for a rollback."""
    _, release = deployment.runs
    ancient = f"{NAME}@{deployment.digests['ancient']}"
    deployment.host.execute("podman", "pull", "--quiet", f"--creds={USER}:{PASSWORD}", ancient)
    before = deployment.images
    assert "ancient" in before

    assert deployment.deploy(release).changed == 1

    assert deployment.images == before - {"ancient"}


@pytest.mark.usefixtures("deployed")
def test_an_instance_can_do_nothing_but_serve(deployment: Deployment) -> None:
    """Read-only, without any capability, under systemd, and with its log in the journal."""
    slot, _ = deployment.runs
    (container,) = json.loads(deployment.host.execute("podman", "inspect", f"acme-links-{slot}-1"))
    status = deployment.host.execute("cat", f"/proc/{container['State']['Pid']}/status")

    assert container["HostConfig"]["ReadonlyRootfs"]
    assert container["HostConfig"]["Memory"] == 256 * 1024 * 1024
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Uid:(\s+10001){4}$", status, re.MULTILINE)
    (started,) = [line for line in deployment.host.journal(f"acme-links-{slot}-1") if '"service.started"' in line]
    assert json.loads(started)["env"] == "staging"


@pytest.mark.usefixtures("deployed")
def test_a_release_that_is_never_ready_gets_no_request(deployment: Deployment) -> None:
    """No client sees a failure, no alert fires, and the deploy fails."""
    before = deployment.runs
    with deployment.host.load(RATE) as clients:
        result = deployment.deploy("unready", ANSIBLE_OPTIONS="-e service_ready_seconds=3")
        outcome = clients.stop()
    print(f"never ready: {outcome}")

    assert result.status != 0
    assert "-1 and " in result.output
    assert re.search(r"was rolled back on host: \w+-1 and \w+-2 did not become ready within 3 s\.", result.output)
    assert deployment.runs == before
    assert outcome.sent > 5 * RATE
    assert outcome.failures == []
