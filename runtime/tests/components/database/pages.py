"""The runbooks of a service with the database: their blocks of commands, and the run of one."""

import os
import re
import subprocess
import textwrap
from pathlib import Path

from firstlight.testing.postgresql import find

ROOT = Path(__file__).parents[4]
PAGES = ROOT / "components/database/files/docs/runbooks"
# A line that says where the block runs and whether it was tried, then the block.
BLOCK = re.compile(r"^ *([^\n]*)\n\n *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
TRIED = "With PostgreSQL's clients (tried):"


def blocks(page: str) -> list[str]:
    """The tried blocks of a page, in their order."""
    found = BLOCK.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    assert all(re.search(r"\((not )?tried\):$", line) for line, _ in found)
    return [textwrap.dedent(text) for line, text in found if line == TRIED]


def run(script: str, **variables: str) -> str:
    """Run commands as somebody would who has set these variables. They must succeed. Returns their output."""
    programs = find()
    assert programs is not None
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run(  # noqa: S603 - commands of this repository's pages
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        env={**inherited, **variables, "PATH": f"{programs}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout
