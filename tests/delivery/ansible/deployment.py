"""A service, the host it is deployed to, and the results of Ansible."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delivery.ansible.host import REGISTRY, Host

NAME = f"{REGISTRY}/acme-links"
WEIGHT = """
import socket
import sys

with socket.socket(socket.AF_UNIX) as haproxy:
    haproxy.connect("/run/haproxy/admin.sock")
    haproxy.sendall(f"get weight {sys.argv[1]}\\n".encode())
    print(haproxy.recv(1024).decode())
"""


def take_over(service: Path, inventory: Mapping[str, Any]) -> None:
    """Write the inventory of a checkout, which JSON is as well."""
    text = json.dumps(inventory, indent=2)
    (service / "deploy/ansible/inventory/staging.yml").write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Result:
    """How a command of Ansible ended."""

    status: int
    output: str

    @property
    def changed(self) -> int:
        """How much it changed on the host."""
        (recap,) = re.findall(r"^host +: .*changed=(\d+)", self.output, re.MULTILINE)
        return int(recap)


@dataclass(frozen=True)
class Deployment:
    """A service's checkout, and the host it is deployed to."""

    service: Path
    host: Host
    digests: Mapping[str, str]
    environment: Mapping[str, str]
    instances: Sequence[str] = ("1", "2")  # of each slot

    def deploy(self, release: str, **environment: str) -> Result:
        """Deploy as the pipeline does."""
        return self._run("make", "deploy-ansible", *self._words(release), **environment)

    @contextmanager
    def deploying(self, release: str, **environment: str) -> Iterator[None]:
        """Deploy, and kill the deploy in the middle, as when a runner is lost."""
        process = subprocess.Popen(
            self.host.in_network("make", "deploy-ansible", *self._words(release)),
            cwd=self.service,
            env={**self.environment, **environment},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _words(self, release: str) -> list[str]:
        return ["ENVIRONMENT=staging", f"IMAGE={NAME}", f"DIGEST={self.digests[release]}"]

    def play(self, playbook: str, **environment: str) -> Result:
        """Run one of the other playbooks, as its first lines say."""
        ansible = Path(sys.executable).with_name("ansible-playbook")
        return self._run(
            "env", "--chdir=deploy/ansible", ansible, "-i", "inventory/staging.yml", playbook, **environment
        )

    def _run(self, *command: str | Path, **environment: str) -> Result:
        done = subprocess.run(
            self.host.in_network(*command),
            cwd=self.service,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        return Result(done.returncode, done.stdout)

    @property
    def images(self) -> set[str]:
        """The releases whose images lie on the host."""
        digests = self.host.execute("podman", "images", "--digests", "--format", "{{.Digest}}", NAME).split()
        return {name for name, known in self.digests.items() if known in digests}

    @property
    def runs(self) -> tuple[str, str]:
        """The active slot, and the release that answers there: in every instance, and in no other slot."""
        (slot,) = re.findall(
            r"^# Active slot: (\w+)$", self.host.execute("cat", "/etc/haproxy/haproxy.cfg"), re.MULTILINE
        )
        running = json.loads(self.host.execute("podman", "ps", "--format", "json"))
        images = {container["Names"][0]: container["Image"].partition("@")[2] for container in running}
        assert images.keys() == {f"acme-links-{slot}-{instance}" for instance in self.instances}
        (digest,) = set(images.values())
        return slot, next(name for name, known in self.digests.items() if known == digest)

    def weight(self, slot: str) -> int:
        """Ask haproxy what share of the traffic a slot has now."""
        return int(self.host.execute("python3", "-c", WEIGHT, f"acme-links/{slot}-1").split()[0])

    def process(self, container: str) -> int:
        """Find the first process of a container on the host, as the host numbers it; 0 while there is none."""
        found = self.host.container.attempt("podman", "inspect", "--format", "{{.State.Pid}}", container)
        return int(found.stdout or 0)
