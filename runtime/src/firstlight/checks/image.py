"""Check `image`: the container runs as a user without rights, gets SIGTERM, and has a known base."""

import re
from collections.abc import Iterator

from .finding import Finding, each
from .project import Project

DOCKERFILE = "Dockerfile"
INSTRUCTION = re.compile(r"^\s*([A-Za-z]+)\s+(.*)$")
FLAG = re.compile(r"^(?:--\S+\s+)+")


def findings(project: Project) -> Iterator[Finding]:
    """Faults of the Dockerfile that no build would report."""
    if project.has(DOCKERFILE):
        yield from each(project, (_user, _signals, _bases))


def _instructions(project: Project) -> list[tuple[str, str]]:
    """The instructions with their arguments, continued lines joined."""
    text = "\n".join(line for line in project.text(DOCKERFILE).splitlines() if not line.lstrip().startswith("#"))
    found = (INSTRUCTION.match(line) for line in re.sub(r"\\\n", " ", text).splitlines())
    return [(each[1].upper(), each[2].strip()) for each in found if each]


def _last_stage(project: Project) -> list[tuple[str, str]]:
    """The instructions of the stage that becomes the image."""
    instructions = _instructions(project)
    begins = [place for place, (name, _) in enumerate(instructions) if name == "FROM"]
    return instructions[begins[-1] :] if begins else instructions


def _user(project: Project) -> Iterator[Finding]:
    """Kubernetes' runAsNonRoot needs a number."""
    users = [argument for name, argument in _last_stage(project) if name == "USER"]
    number = users[-1].partition(":")[0] if users else "none"
    if not number.isdigit() or int(number) == 0:
        yield Finding(DOCKERFILE, f"the last USER must be a number other than 0, such as 10001:10001, not {number}.")


def _signals(project: Project) -> Iterator[Finding]:
    """A shell in front of the process would keep SIGTERM, so the service would be killed and would not drain."""
    for name, argument in _last_stage(project):
        if name in {"ENTRYPOINT", "CMD"} and not argument.startswith("["):
            yield Finding(DOCKERFILE, f'{name} must be a list, such as ["python", "-m", "..."]: a shell keeps SIGTERM.')
        if name == "STOPSIGNAL" and argument not in {"SIGTERM", "15"}:
            yield Finding(DOCKERFILE, f"STOPSIGNAL must be SIGTERM, at which the service drains, not {argument}.")


def _bases(project: Project) -> Iterator[Finding]:
    """A base without a tag or with `latest` is another one tomorrow."""
    stages: set[str] = set()
    for name, argument in _instructions(project):
        if name != "FROM":
            continue
        image, *rest = FLAG.sub("", argument).split()
        tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        known = image in stages or image == "scratch" or any(sign in image for sign in "$@")
        if not known and tag in {"", "latest"}:
            yield Finding(DOCKERFILE, f"FROM {image} must name a version, as in python:3.13-slim.")
        stages.update(rest[1:2])
