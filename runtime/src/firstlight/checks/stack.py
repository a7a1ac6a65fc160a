"""Check `stack`: compose.yaml, the files of its containers and the service use the same ports, paths and labels."""

import json
import re
from collections.abc import Iterator

from . import contract, deployments, links, processes, start, variables
from .compose import COMPOSE, GRAFANA, PROMETHEUS, Stack
from .document import strings
from .finding import Finding, each
from .project import Project

RETENTION_DAYS = 30  # the window of an error budget
LOOPBACK = re.compile(r"127\.0\.0\.1:\d+:\d+(/\w+)?")
PROVIDER = f"{GRAFANA}/dashboards/dashboards.yaml"


def findings(project: Project) -> Iterator[Finding]:
    """Faults that keep a part from starting, or from getting its data."""
    if project.has(COMPOSE):
        own = (_mounts, _paths, _published, _waits, _healthcheck, _service, _rules, _retention, _dashboards)
        yield from each(Stack(project), (*own, *processes.PARTS, *links.PARTS))


def _mounts(stack: Stack) -> Iterator[Finding]:
    """Every mounted directory exists: the engine would create a missing one, empty and without a warning."""
    for name in stack.parts:
        for source in stack.mounts(name).values():
            if not (stack.project.root / source).is_dir():
                yield stack.wrong(name, f"mounts {source}, which is not a directory here.")


def _paths(stack: Stack) -> Iterator[Finding]:
    """Files that are named on a command line exist, and are mounted under the same path."""
    for name, part in stack.parts.items():
        given = [text for key in ("command", "entrypoint", "environment") for text in strings(part.find(key))]
        for path in re.findall(r"(?<!\w)/ops/[\w./-]+", " ".join(given)):
            if not any(path.startswith(f"{target}/") for target in stack.mounts(name)):
                yield stack.wrong(name, f"is given {path}, which is not mounted there: add its directory to volumes.")
            elif not stack.project.has(path[1:]):
                yield stack.wrong(name, f"is given {path}, and there is no {path[1:]} here.")


def _published(stack: Stack) -> Iterator[Finding]:
    """Ports are published on loopback only, and no port twice."""
    owners: dict[str, str] = {}
    for name, part in stack.parts.items():
        for port in part.texts("ports"):
            if not LOOPBACK.fullmatch(port):
                yield stack.wrong(name, f"publishes {port}, and must publish it on loopback: 127.0.0.1:<port>:<port>.")
                continue
            owner = owners.setdefault(port.split(":")[1], name)
            if owner != name:
                yield stack.wrong(name, f"publishes {port}, and {owner} has that port already.")


def _waits(stack: Stack) -> Iterator[Finding]:
    """A part that others wait for exists, and has a health check if they wait for its health."""
    for name, part in stack.parts.items():
        short = isinstance(part.find("depends_on"), list | None)
        for other in part.texts("depends_on") if short else part.mapping("depends_on"):
            wanted = part.find("depends_on", other, "condition")
            if other not in stack.parts:
                yield stack.wrong(name, f"depends on {other}, which is not there.")
            elif wanted == "service_healthy" and not stack.parts[other].find("healthcheck"):
                yield stack.wrong(name, f"waits until {other} is healthy, and {other} has no healthcheck.")


def _healthcheck(stack: Stack) -> Iterator[Finding]:
    """The health check of the service is the same as in its image."""
    pattern = r"^HEALTHCHECK .*CMD (\[.*\])$"
    commands = re.findall(pattern, stack.project.text("Dockerfile"), re.MULTILINE)
    wanted = ["CMD", *json.loads(commands[0])] if len(commands) == 1 else None
    if wanted is None:
        yield Finding("Dockerfile", "must have one HEALTHCHECK whose CMD is a list.")
    elif stack.service.at("healthcheck", "test") != wanted:
        yield stack.wrong("service", f"healthcheck must be that of the Dockerfile: test: [{', '.join(wanted)}].")
    known = deployments.ports(stack.project)
    if stack.published("service") != {known["http"], known["web"]}:
        yield stack.wrong("service", f"must publish {known['http']} for requests and {known['web']} for management.")


def _service(stack: Stack) -> Iterator[Finding]:
    """The service reads all its variables, starts with their values, and has time to drain."""
    environment = stack.service.mapping("environment")
    for name in sorted(environment.keys() - variables.known(stack.project)):
        yield stack.wrong("service", f"is given {name}, which it does not read; .env.example has what it reads.")
    (started,) = start.read(stack.project, [{name: str(value) for name, value in environment.items()}])
    if started.error:
        yield stack.wrong("service", f"does not start with its environment: {started.error}.")
        return
    grace = re.fullmatch(r"(\d+)s", str(stack.service.at("stop_grace_period")))
    flush = contract.of(stack.project).fact("drain", "flush_seconds")
    needed = started.seconds("drain_seconds") + started.seconds("graceful_seconds") + flush
    if grace is None or int(grace[1]) < needed:
        sentence = (
            f"stop_grace_period must be at least {needed:g}s: DRAIN_SECONDS, GRACEFUL_SECONDS, and {flush:g} for the "
            "last telemetry."
        )
        yield stack.wrong("service", sentence)


def _rules(stack: Stack) -> Iterator[Finding]:
    """Prometheus finds the rules, by a path relative to its configuration."""
    files = stack.prometheus.texts("rule_files")
    directory = stack.project.root / "ops/prometheus"
    if len(files) != 1 or not list(directory.glob(files[0])):
        yield Finding(PROMETHEUS, "rule_files must be one pattern that fits the files in ops/alerts/rules.")
    if stack.mounts("prometheus").get("/ops/alerts/rules") != "./ops/alerts/rules":
        yield stack.wrong("prometheus", "must mount ./ops/alerts/rules at /ops/alerts/rules.")


def _retention(stack: Stack) -> Iterator[Finding]:
    """Prometheus keeps samples for the 30 days of an error budget, and stores exemplars."""
    command = " ".join(strings(stack.part("prometheus").find("command")))
    days = re.findall(r"retention\.time=(\d+)d", command)
    if not days or int(days[0]) <= RETENTION_DAYS:
        yield stack.wrong("prometheus", f"needs --storage.tsdb.retention.time above {RETENTION_DAYS}d, such as 35d.")
    if "exemplar-storage" not in command:
        yield stack.wrong("prometheus", "needs --enable-feature=exemplar-storage.")


def _dashboards(stack: Stack) -> Iterator[Finding]:
    """Dashboards are read from files, and can only be changed there."""
    provider = stack.read(PROVIDER).first("providers")
    if provider.find("allowUiUpdates") is not False:
        yield Finding(PROVIDER, "allowUiUpdates must be false: what is clicked together would be lost.")
    if provider.find("disableDeletion") is True:
        yield Finding(PROVIDER, "disableDeletion must be false: dashboards whose files were removed would stay.")
    if provider.at("options", "path") not in stack.mounts("grafana"):
        yield Finding(PROVIDER, f"options.path is {provider.at('options', 'path')}, which grafana does not mount.")
