"""The runbooks of a service: the blocks of commands of a page, and the run of those that are said to be tried."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from delivery.ansible.deployment import Deployment

FOLDER = "docs/runbooks"
# A line that says where the block runs and whether it was tried, then the block.
BLOCK = re.compile(r"^ *(?:([^\n]*)\n\n *)?```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"(On the host|On your machine|In a cluster) \((tried|not tried)\):")


class Block(NamedTuple):
    """Commands of a page."""

    place: str
    tried: bool
    text: str


def blocks(page: Path) -> list[Block]:
    """Every block of a page. Each must have its mark."""
    found = []
    for line, language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        mark = MARK.fullmatch(line.strip())
        assert mark, f"{page.name}: no line says where this runs and whether it was tried: {text}"
        assert language == "sh", f"{page.name}: {text}"
        found.append(Block(mark[1], mark[2] == "tried", text))
    return found


def follow(deployment: Deployment, page: str, home: Path, **variables: str) -> list[str]:
    """Run every tried block of a page, in its order and at its place; their output. Each must succeed."""
    found = [block for block in blocks(deployment.service / FOLDER / f"{page}.md") if block.tried]
    return [_run(deployment, block, {"env": "staging", **variables}, home) for block in found]


def _run(deployment: Deployment, block: Block, variables: dict[str, str], home: Path) -> str:
    known = "\n".join(f"{key}={value!r}" for key, value in variables.items())
    script = f"set -euo pipefail\n{known}\n{block.text}"
    command = ["bash", "-c", script]
    if block.place == "On your machine":
        binaries = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**deployment.environment, "HOME": str(home), "PATH": binaries, **HOME_OF_TOOLS}
        command, where = deployment.host.in_network(*command), deployment.service / "deploy/ansible"
    else:
        container = deployment.host.container
        environment, where = container.containers.environment, container.containers.directory
        command = ["podman", "exec", container.name, *command]
    done = subprocess.run(
        command,
        cwd=where,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}"
    return done.stdout


# What `make` needs that is below the real home.
HOME_OF_TOOLS = {
    "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache/uv")),
    "UV_TOOL_DIR": os.environ.get("UV_TOOL_DIR", str(Path.home() / ".local/share/uv/tools")),
}
