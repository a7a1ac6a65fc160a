"""The programs that the targets of `make` need. One of several is enough where several are named."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from ..checks import Project


@dataclass(frozen=True, slots=True)
class Tool:
    """`names` are programs of which one must be there; `targets` need it; `file` exists where the target does."""

    names: tuple[str, ...]
    targets: str
    required: bool = False
    file: str = ""

    @property
    def missing(self) -> bool:
        """Whether none of the programs is there. The variable UV may name another uv."""
        own = os.environ.get("UV") if "uv" in self.names else None
        return not any(shutil.which(name) for name in ([own] if own else self.names))

    def __str__(self) -> str:
        """The programs, and what needs them."""
        return f"{' or '.join(self.names)}, for {self.targets}"


TOOLS = (
    Tool(("git",), "make update", required=True),
    Tool(("make",), "all targets"),
    Tool(("uv",), "all targets; make downloads it into .tools/", required=True),
    Tool(("promtool",), "make alerts", file="ops/alerts"),
    Tool(("amtool",), "make alerts", file="ops/alerts"),
    Tool(("docker", "podman", "buildah"), "make image"),
    Tool(("docker", "podman"), "make up, make smoke"),
    Tool(("skopeo",), "make publish", file="deploy/image/publish.sh"),
    Tool(("cosign",), "make sign, make verify", file="deploy/image/sign.sh"),
    Tool(("kubectl",), "make deploy-kubernetes", file="deploy/kubernetes"),
    Tool(("ssh",), "make deploy-ansible", file="deploy/ansible"),
)


def missing(project: Project) -> Iterator[Tool]:
    """The tools that this service needs and this machine lacks."""
    return (tool for tool in TOOLS if (not tool.file or project.has(tool.file)) and tool.missing)
