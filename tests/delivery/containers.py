"""Real images and containers on a machine without a container service: buildah, podman and runc from Debian.

Nothing here touches the machine's own containers: storage, state, locks and networks lie in one directory that is
removed at the end. No registry is asked for a base image: `python:<version>-slim` and `ghcr.io/astral-sh/uv:<version>`
are made from Debian's and Python's own packages and carry the names that the Dockerfile knows.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

DEADLINE = 60  # seconds until something that should take a few is given up
# Command: the Debian package that has it.
PACKAGES = {
    "buildah": "buildah",
    "podman": "podman",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "skopeo": "skopeo",
    "docker-registry": "docker-registry",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "ssh": "openssh-client",
}
# podman starts these by itself, from directories that are not on the path.
CALLED_BY_PODMAN = ("catatonit", "netavark", "aardvark-dns")
SUITES = {"3.11": "bookworm", "3.13": "trixie"}  # the Debian whose own Python is that version
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "firstlight"

STORAGE = """\
[storage]
driver = "overlay"
runroot = "{directory}/run"
graphroot = "{directory}/graph"
"""
# The limits: podman's own are more than a machine without CAP_SYS_RESOURCE may set. The locks: those in /dev/shm would
# be shared with the machine's podman. crun does not start where version 1 and 2 of cgroups are mounted side by side.
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
netns = "host"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
tmp_dir = "{directory}/state"
volume_path = "{directory}/volumes"

[network]
network_config_dir = "{directory}/networks"
"""


class CommandFailedError(AssertionError):
    """A command that must succeed has failed."""


def missing() -> str:
    """What this machine lacks and how to get it; empty when nothing is missing."""
    absent = sorted({package for command, package in PACKAGES.items() if shutil.which(command) is None})
    if absent:
        return f"needs {', '.join(absent)}: apt-get install {' '.join([*absent, *CALLED_BY_PODMAN])}"
    return "" if os.geteuid() == 0 else "needs root: containers with limits, mounts and namespaces of their own"


def until(true: Callable[[], object], what: str, within: float = DEADLINE) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, f"not within {within} s: {what}"
        time.sleep(0.05)


def run(command: Sequence[str | Path], environment: Mapping[str, str], directory: Path | None = None) -> str:
    """Run a command that must succeed; its standard output, without the newline at the end."""
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        msg = (
            f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        raise CommandFailedError(msg)
    return done.stdout.removesuffix("\n")


class Container:
    """One container, running or ended."""

    def __init__(self, containers: "Containers", name: str) -> None:
        """Keep the engine and the name."""
        self.containers = containers
        self.name = name

    def execute(self, *command: str, user: str = "") -> str:
        """Run a command inside, as the container's user or another one. It must succeed."""
        who = ["--user", user] if user else []
        return self.containers.podman("exec", *who, self.name, *command)

    def attempt(self, *command: str, user: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command inside that may fail."""
        who = ["--user", user] if user else []
        return self.containers.attempt("exec", *who, self.name, *command)

    def in_network(self, *command: str | Path) -> list[str]:
        """Write a command so that it runs on this machine but in the container's network namespace."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *map(str, command)]

    def get(self, url: str) -> tuple[int, str]:
        """Ask a server inside, from inside the container's network."""
        done = run(self.in_network(sys.executable, "-c", _GET, url), self.containers.environment)
        status, _, body = done.partition("\n")
        return int(status), body

    def inspect(self) -> dict[str, Any]:
        """The output of `podman inspect` for the container."""
        (document,) = json.loads(self.containers.podman("inspect", "--type", "container", self.name))
        return dict(document)

    @property
    def pid(self) -> int:
        """The first process, as the machine numbers it."""
        return int(self.inspect()["State"]["Pid"])

    def logs(self) -> str:
        """Its output, both streams."""
        return self.containers.podman("logs", self.name)

    def health(self) -> str:
        """Run the image's health check once, as podman's timer would, and say what the status is then."""
        self.containers.attempt("healthcheck", "run", self.name)  # without systemd, podman has no timer of its own
        return str(self.inspect()["State"]["Health"]["Status"])

    def stop(self, within: int = 35) -> tuple[float, int]:
        """Stop it as an orchestrator does; the seconds it took and the exit status."""
        began = time.monotonic()
        self.containers.podman("stop", "--time", str(within), self.name)
        return time.monotonic() - began, int(self.inspect()["State"]["ExitCode"])

    def remove(self) -> None:
        """End and forget it."""
        self.containers.attempt("rm", "--force", "--time", "0", "--volumes", self.name)


# What `Container.get` runs: a client without proxies, where the status is data whatever it is.
_GET = """
import http.client, sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
connection = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
connection.request("GET", f"{url.path}?{url.query}" if url.query else url.path)
answer = connection.getresponse()
print(answer.status)
print(answer.read().decode(), end="")
"""


class Containers:
    """A container engine of one's own: `variables` point podman, buildah and skopeo at it. Paths are absolute."""

    def __init__(self) -> None:
        """Make the directory. Its name is short: sockets lie in it."""
        self.directory = Path(tempfile.mkdtemp(prefix="firstlight-"))
        (self.directory / "storage.conf").write_text(STORAGE.format(directory=self.directory))
        (self.directory / "containers.conf").write_text(CONFIGURATION.format(directory=self.directory))
        (self.directory / "auth.json").write_text("{}")
        self.variables = {
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
            "CONTAINERS_CONF": str(self.directory / "containers.conf"),
            "BUILDAH_ISOLATION": "chroot",
            "REGISTRY_AUTH_FILE": str(self.directory / "auth.json"),
            "TMPDIR": str(self.directory),
        }
        self.environment = {**os.environ, **self.variables}

    def __enter__(self) -> Self:
        """Use it for a while."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every container and remove every trace."""
        self.attempt("rm", "--all", "--force", "--time", "0")
        self.attempt("umount", "--all")
        for mount in sorted(_mounts_below(self.directory), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False)
        shutil.rmtree(self.directory)

    def podman(self, *arguments: str) -> str:
        """Run podman, which must succeed."""
        return run(["podman", *arguments], self.environment, self.directory)

    def buildah(self, *arguments: str) -> str:
        """Run buildah, which must succeed."""
        return run(["buildah", *arguments], self.environment)

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run podman, which may fail."""
        command = ["podman", *arguments]
        return subprocess.run(  # in the directory: conmon leaves a file where it stands when the kernel ends a process
            command,
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE,
        )

    def has(self, image: str) -> bool:
        """Whether an image of that name is in this storage."""
        return self.attempt("image", "exists", image).returncode == 0

    def inspect(self, image: str) -> dict[str, Any]:
        """Everything podman knows about an image."""
        (document,) = json.loads(self.podman("inspect", "--type", "image", image))
        return dict(document)

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """Look at an image's files, as root does; not at what a container would mount over them."""
        where = self.podman("image", "mount", image)
        try:
            yield Path(where)
        finally:
            self.podman("image", "umount", image)

    def debian(
        self,
        image: str,
        suite: str,
        packages: Sequence[str],
        *,
        hooks: Sequence[str] = (),
        changes: Sequence[str] = (),
    ) -> None:
        """Make an image of a Debian with some packages.

        `hooks` are mmdebstrap's customize hooks, `changes` the instructions that `podman import --change` takes. This
        machine's certificate authorities come along: a build may have to trust what its host trusts.
        """
        trusting = [f"ENV SSL_CERT_FILE={CERTIFICATES}", f"ENV PIP_CERT={CERTIFICATES}"]
        options = [option for change in [*trusting, *changes] for option in ("--change", change)]
        self.podman("import", *options, str(debian_archive(suite, packages, hooks)), image)

    def stand_in(self, image: str) -> None:
        """Make what a Dockerfile's FROM names, under that name; it is made once."""
        repository, _, tag = image.partition("@")[0].rpartition(":")
        if self.has(image):
            return
        if repository == "python":
            self._python(image, tag.removesuffix("-slim"))
        elif repository == "ghcr.io/astral-sh/uv":
            self._uv(image, tag)
        else:
            msg = f"no stand-in for {image}"
            raise CommandFailedError(msg)

    def _python(self, image: str, version: str) -> None:
        where = "/usr/local/bin"
        hooks = [f'ln -s /usr/bin/python3 "$1{where}/{name}"' for name in ("python", "python3", f"python{version}")]
        hooks.append('find "$1/usr/lib" -name "*.pyc" -delete')  # the real one has none, either
        path = f"ENV PATH={where}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        packages = ["netbase", "python3", "tzdata"]
        name = f"docker.io/library/{image}"
        self.debian(name, SUITES[version], packages, hooks=hooks, changes=[path, 'CMD ["python3"]'])

    def _uv(self, image: str, version: str) -> None:
        wheel = self.directory / f"uv-{version}"
        run(["uv", "pip", "install", "--quiet", "--no-deps", "--target", wheel, f"uv=={version}"], self.environment)
        dockerfile = wheel / "Dockerfile"
        dockerfile.write_text("FROM scratch\nCOPY bin/uv bin/uvx /\n")
        self.buildah("build", "--quiet", "--format", "docker", "--tag", image, "--file", str(dockerfile), str(wheel))
        shutil.rmtree(wheel)

    @contextmanager
    def running(self, image: str, *options: str, command: Sequence[str] = ()) -> Iterator[Container]:
        """Run an image in the background with podman's options, until it is no longer needed."""
        name = f"t{time.monotonic_ns()}"
        container = Container(self, name)
        try:
            self.podman("run", "--detach", "--name", name, *options, image, *command)
            yield container
        finally:
            container.remove()


def debian_archive(suite: str, packages: Sequence[str], hooks: Sequence[str] = ()) -> Path:
    """Make the archive of a small Debian, or take the one an earlier run made of the same recipe."""
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io"]
    # The package that merges /usr brings all of Perl; merged from the beginning, it is not needed.
    command.append("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
    command.append(f"--include={','.join(['usr-is-merged', 'ca-certificates', *packages])}")
    command += [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "i18n", "locale", "man")]
    command += [f"--customize-hook={hook}" for hook in [f'cp {CERTIFICATES} "$1{CERTIFICATES}"', *hooks]]
    recipe = "\n".join([*command, suite]).encode() + CERTIFICATES.read_bytes()
    archive = CACHE / f"{suite}-{hashlib.sha256(recipe).hexdigest()[:16]}.tar"
    CACHE.mkdir(parents=True, exist_ok=True)
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may want the same
        if archive.exists():
            return archive
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch) / "root.tar"
            run([*command, suite, str(made)], os.environ)
            made.replace(archive)
    return archive


def _mounts_below(directory: Path) -> list[str]:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if Path(point).is_relative_to(directory)]
