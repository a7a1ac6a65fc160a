"""Fixtures: one host, the releases in its registry, and the service's deploys."""

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from delivery.ansible.deployment import Deployment, Result, take_over
from delivery.ansible.host import PASSWORD, USER, Host, running_host
from delivery.ansible.releases import BETTER, MODULE, RELEASES, derive
from delivery.ansible.tasks import RELEASES as TASKS_RELEASES
from delivery.ansible.tasks import Queue, page, queue
from delivery.containers import Containers, run
from delivery.image import Image
from made_up_template import MadeUp
from template import Machine

from bench.ports import refusing_port


@pytest.fixture
def gone() -> Iterator[str]:
    """Where the metrics of an instance would be that does not run."""
    with refusing_port() as port:
        yield f"http://127.0.0.1:{port}/metrics"


@pytest.fixture(scope="session")
def host(containers: Containers) -> Iterator[Host]:
    """Start the host."""
    with running_host(containers) as host:
        yield host


@pytest.fixture(scope="session")
def service(checkout: Path, host: Host, shared: Machine) -> Path:
    """Put the host into the inventory of a checkout, as the first step of its README asks."""
    service = shared.output() / "acme-links"
    shutil.copytree(checkout, service)
    take_over(service, host.inventory())
    return service


@pytest.fixture(scope="session")
def digests(host: Host, image: Image) -> Mapping[str, str]:
    """Build good and bad releases on the service's image, and push them to the registry."""
    good = f"localhost/{image.reference}"
    digests = {"good": host.push(good, "good")}
    releases = [*((name, code, []) for name, code in RELEASES.items()), ("ancient", BETTER, ["--timestamp=0"])]
    for release, code, options in releases:
        tag = f"localhost/acme-links:{release}"
        derive(image.containers, good, {MODULE: code}, tag, *options)
        digests[release] = host.push(tag, release)
    assert len(set(digests.values())) == len(digests)
    return digests


@pytest.fixture(scope="session")
def deployment(service: Path, host: Host, digests: Mapping[str, str], shared: Machine) -> Deployment:
    """Install Ansible and prepare a deploy. The host's network reaches no package index."""
    script = (service / "deploy/ansible/deploy.sh").read_text(encoding="utf-8")
    (ansible,) = re.findall(r'--from "(.+?)"', script)
    environment = shared.environment()
    run(["uv", "tool", "run", "--from", ansible, "ansible-playbook", "--version"], environment)
    sockets = host.containers.directory / "ssh"  # the path of a socket has 107 bytes at most, which a home here exceeds
    return Deployment(
        service,
        host,
        digests,
        {
            **environment,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
            "REGISTRY_PASSWORD": PASSWORD,
            "REGISTRY_USER": USER,
            "UV_OFFLINE": "1",
        },
    )


@pytest.fixture(scope="session")
def monitored(deployment: Deployment) -> Result:
    """Install Prometheus and Alertmanager."""
    return deployment.play("monitoring.yml")


@pytest.fixture(scope="session")
def deployed(deployment: Deployment, monitored: Result) -> Result:
    """Deploy for the first time."""
    assert monitored.status == 0, monitored.output
    return deployment.deploy("good")


@pytest.fixture(scope="session")
def tasks(deployment: Deployment, image: Image, made_up: MadeUp, shared: Machine) -> Deployment:
    """Have the service with the made-up command and worker at hand, as the next version of what runs on the host."""
    host = deployment.host
    service = made_up.copy("tasks", shared.output())
    shared.commit(service)
    built = Image(image.containers, shared, service, "acme-tasks")
    built.build()
    base, digests = f"localhost/{built.reference}", dict(deployment.digests)
    for release in TASKS_RELEASES:
        tag = f"localhost/acme-tasks:{release}"
        derive(built.containers, base, {MODULE: page(release)}, tag)
        digests[release] = host.push(tag, release)
    take_over(service, host.inventory())
    return replace(deployment, service=service, digests=digests, instances=("1", "2", "worker-1"))


@pytest.fixture(scope="session")
def tasks_queue(host: Host) -> Iterator[Queue]:
    """Start what the releases with a worker share."""
    with queue(host) as waiting:
        yield waiting


@pytest.fixture(scope="session")
def worked(tasks: Deployment, tasks_queue: Queue, deployed: Result) -> Result:
    """Deploy the release that brings the component, over one without it."""
    assert deployed.status == 0, deployed.output
    assert tasks_queue.prepared == []
    return tasks.deploy("tasks", ANSIBLE_OPTIONS="-e service_gate=false")
