"""A Debian host to deploy to: systemd as its first process, an SSH server, a container engine of its own.

It is a container, and lives with a registry and its clients in a network of their own that leads nowhere else, but to
a second host. The network outlives a reboot, as a real one does.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from delivery.containers import CommandFailedError, Container, Containers, run, until
from delivery.registry import CONFIGURATION

HERE = Path(__file__).parent
IMAGE = "localhost/debian-host"
REGISTRY = "127.0.0.1:5000"
USER, PASSWORD = "pipeline", "let me in"
PASSWORDS = f"{USER}:$2b$04$RbWEcTHe22qOodLyPPCsQOM1xHBwXNWEzXKJ1HboWY5itHucaqOMK\n"  # of PASSWORD, by bcrypt
FIRST_ADDRESS, SECOND_ADDRESS = "10.99.0.1", "10.99.0.2"  # of two hosts that reach each other
SERVICE = "http://127.0.0.1:8080/api/v1/links"
PACKAGES = [
    # what any server has
    *("dbus", "iproute2", "openssh-server", "procps", "python3", "python3-apt", "systemd", "systemd-sysv"),
    # what the roles ask for: there is no mirror in that network, so they must find it installed
    *("haproxy", "podman", "prometheus", "prometheus-alertmanager"),
    # what they use where it is there
    "prometheus-node-exporter",
    # what podman needs where cgroups of both versions are mounted: crun would not start
    "runc",
]
# systemd and podman in the host manage cgroups of their own below the machine's. Units that would change the machine's
# kernel are masked.
CGROUPS = Path("/sys/fs/cgroup")
# The weight of all containers together, with cgroups of version 1 and 2. Otherwise it is that of a single process, and
# a busy machine starves them.
WEIGHTS = {CGROUPS / "cpu/libpod_parent/cpu.shares": "65536", CGROUPS / "libpod_parent/cpu.weight": "10000"}
PRIVILEGES = ("--privileged", "--systemd=always", "--cgroupns=host", f"--volume={CGROUPS}:{CGROUPS}")
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "systemd-binfmt", "systemd-modules-load", "systemd-sysctl")
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
"""
REGISTRIES_CONF = f"""\
[[registry]]
location = "{REGISTRY}"
insecure = true
"""


@dataclass(frozen=True)
class Outcome:
    """The results of the clients."""

    sent: int
    rate: float
    failures: Sequence[tuple[float, str]]
    slowest: float
    written: Mapping[str, str]  # slugs by titles: the links that clients were told they had created

    def __str__(self) -> str:
        """The results in one line."""
        return f"{len(self.failures)} of {self.sent} failed at {self.rate:.0f}/s, the slowest took {self.slowest:.3f} s"


class Load:
    """Clients, in the background."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """They have been started."""
        self.process = process

    def stop(self) -> Outcome:
        """End the clients and return their results."""
        self.process.terminate()
        told = json.loads(self.process.communicate(timeout=30)[0])
        return Outcome(told["sent"], told["rate"], told["failures"], told["slowest"], told.get("written", {}))


class Host:
    """The host, while it runs."""

    def __init__(self, containers: Containers, container: Container, namespace: str, name: str) -> None:
        """Keep the parts of the host."""
        self.name = name
        self.containers = containers
        self.container = container
        self.namespace = namespace
        self.key = containers.directory / f"{name}-key"

    def in_network(self, *command: str | Path) -> list[str]:
        """Write a command so that it runs on this machine, but in the host's network."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *map(str, command)]

    def get(self, url: str) -> tuple[int, str]:
        """Ask a server in the host's network."""
        return self.container.get(url)

    def answers(self, url: str) -> bool:
        """Whether a server on the host answers 200."""
        try:
            return self.get(url)[0] == HTTPStatus.OK
        except CommandFailedError:
            return False

    def execute(self, *command: str) -> str:
        """Run a command on the host. It must succeed."""
        return self.container.execute(*command)

    def journal(self, identifier: str) -> list[str]:
        """The journal of one identifier on the host, line by line."""
        return self.execute("journalctl", "--output=cat", f"--identifier={identifier}").splitlines()

    def prepare(self) -> None:
        """Set up the host: an SSH key, a trusted registry, current package lists."""
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], self.containers.environment)
        self.write("/root/.ssh/authorized_keys", self.key.with_suffix(".pub").read_text(encoding="utf-8"))
        self.write("/etc/containers/containers.conf", CONTAINERS_CONF)
        self.write("/etc/containers/registries.conf.d/local.conf", REGISTRIES_CONF)
        self.write("/var/lib/apt/periodic/update-success-stamp", "")

    def write(self, path: str, text: str) -> None:
        """Write a file on the host."""
        script = 'mkdir --parents "$(dirname "$1")" && printf %s "$2" > "$1"'
        self.execute("sh", "-c", script, "sh", path, text)

    def wait_until_up(self) -> None:
        """Wait until one can log in."""
        until(lambda: self.container.attempt("systemctl", "is-active", "ssh").returncode == 0, "the host is up")

    def reboot(self) -> None:
        """Stop everything in order, then start with what is on disk."""
        self.containers.podman("stop", "--time", "60", self.container.name)
        self.containers.podman("start", self.container.name)
        self.wait_until_up()

    def push(self, image: str, tag: str) -> str:
        """Bring an image into the registry; its digest."""
        source, target = f"containers-storage:{image}", f"docker://{REGISTRY}/acme-links:{tag}"
        credentials = f"{USER}:{PASSWORD}"
        copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"--dest-creds={credentials}", source, target]
        digest = self.containers.directory / f"{tag}.digest"
        run(self.in_network(*copy, f"--digestfile={digest}"), self.containers.environment)
        return digest.read_text(encoding="utf-8").strip()

    @contextmanager
    def load(self, rate: int, clients: str = "load") -> Iterator[Load]:
        """Have clients, a module beside this one, ask the service at a steady rate, for at most five minutes."""
        module = f"delivery.ansible.{clients}"
        command = self.in_network(sys.executable, "-m", module, SERVICE, str(rate), "300")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1])
        try:
            yield Load(process)
        finally:
            process.kill()
            process.wait()

    def reached(self, address: str) -> dict[str, str]:
        """Write how Ansible logs in."""
        return {
            "ansible_host": address,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no",
        }

    def inventory(self) -> dict[str, Any]:
        """Write the inventory that names this host, in both roles."""
        reached = self.reached("127.0.0.1")
        settings = {
            "service_environment": "staging",
            "service_instances": 2,
            "service_listen": "127.0.0.1:8080",
            "service_drain_seconds": 1,
            "service_ready_seconds": 15,
            "service_gate_seconds": 4,
            "service_gate_timeout": 30,
        }
        return {
            "service": {"hosts": {self.name: reached}, "vars": settings},
            "monitoring": {"hosts": {self.name: reached}, "vars": {"monitoring_scrape_interval": "1s"}},
        }


@contextmanager
def running_host(containers: Containers, name: str = "host") -> Iterator[Host]:
    """Start a host with its network and its registry, until it is no longer needed. Registries share their images."""
    masking = [f'systemctl --root "$1" mask --quiet {" ".join(MASKED)}']
    boot = ['CMD ["/lib/systemd/systemd"]', "STOPSIGNAL SIGRTMIN+3"]
    if not containers.has(IMAGE):
        containers.debian(IMAGE, "bookworm", PACKAGES, hooks=masking, changes=boot)
    with as_it_was(CGROUPS), network() as namespace:
        # Containers on a disk that is none of a container: the engine in the host cannot lay one overlay on another.
        options = [
            *PRIVILEGES,
            f"--network=ns:/run/netns/{namespace}",
            f"--hostname={name}",
            "--volume=/var/lib/containers",
        ]
        with containers.running(IMAGE, *options) as container, preferred():
            host = Host(containers, container, namespace, name)
            host.wait_until_up()
            host.prepare()
            with registry(host):
                yield host
            host.containers.podman("stop", "--time", "50", container.name)  # and with it what runs in it


@contextmanager
def as_it_was(mount: Path) -> Iterator[None]:
    """Make a mount writable again that was so: systemd protects the top of the cgroups, which here is the machine's."""
    writable = not os.statvfs(mount).f_flag & os.ST_RDONLY
    try:
        yield
    finally:
        if writable:
            subprocess.run(["mount", "--options", "remount,rw", str(mount)], check=True)


@contextmanager
def preferred() -> Iterator[None]:
    """Give containers the cores first, because clients ask them all the time. There must be one."""
    before = {path: path.read_text(encoding="ascii") for path in WEIGHTS if path.exists()}
    for path in before:
        path.write_text(WEIGHTS[path], encoding="ascii")
    try:
        yield
    finally:
        for path, weight in before.items():
            path.write_text(weight, encoding="ascii")


@contextmanager
def network() -> Iterator[str]:
    """Make a network of one's own, with a loopback interface and nothing else."""
    name = f"firstlight-{time.monotonic_ns()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@contextmanager
def linked(first: Host, second: Host) -> Iterator[None]:
    """Join the networks of two hosts by a cable; it is gone with one of the networks."""
    ends = ["link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", second.namespace]
    subprocess.run(["ip", "-n", first.namespace, *ends], check=True)
    try:
        for host, address in ((first, FIRST_ADDRESS), (second, SECOND_ADDRESS)):
            subprocess.run(["ip", "-n", host.namespace, "address", "add", f"{address}/30", "dev", "cable"], check=True)
            subprocess.run(["ip", "-n", host.namespace, "link", "set", "cable", "up"], check=True)
        yield
    finally:
        subprocess.run(["ip", "-n", first.namespace, "link", "delete", "cable"], check=True)


@contextmanager
def registry(host: Host) -> Iterator[None]:
    """Run a registry in the host's network that asks who one is."""
    directory = host.containers.directory / "registry"
    configuration = host.containers.directory / "registry.yml"
    passwords = host.containers.directory / "registry.passwords"
    passwords.write_text(PASSWORDS, encoding="utf-8")
    text = CONFIGURATION.format(directory=directory, address=REGISTRY)
    configuration.write_text(f"{text}auth: {{htpasswd: {{realm: firstlight, path: {passwords}}}}}\n", encoding="utf-8")
    # It takes every variable that begins with its name for a setting.
    environment = {k: v for k, v in host.containers.environment.items() if not k.startswith("REGISTRY_")}
    server = shutil.which("docker-registry")
    assert server is not None
    command = host.in_network(server, "serve", configuration)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: host.answers(f"http://{REGISTRY}/"), "the registry answers")
        yield
    finally:
        process.terminate()
        process.wait()
