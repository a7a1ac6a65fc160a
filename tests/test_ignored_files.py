"""Files that a service or its pages make in the working directory, and git must not commit."""

import re
import subprocess
import tomllib
from pathlib import Path

from template import ROOT

COMPONENT = ROOT / "components/database"
RUNBOOK = COMPONENT / "files/docs/runbooks/database-backup.md"
FILE = re.compile(r"\bdatabase[\w.]*sqlite3[\w.]*")


def test_no_copy_of_the_development_database_is_committed(tmp_path: Path) -> None:
    """Neither the file and its journal, nor the copy of the runbook. The folder `database` of a feature is no copy."""
    ignored = tomllib.loads((COMPONENT / "component.toml").read_text("utf-8"))["ignored"]
    (tmp_path / ".gitignore").write_text("".join(f"/{place}\n" for place in ignored), "utf-8")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    files = {*FILE.findall(RUNBOOK.read_text("utf-8")), "database.sqlite3-wal"}
    assert len(files) > 2  # the file and its copy are in the page

    arguments = ["git", "-C", str(tmp_path), "check-ignore", *files, "database.py", "database"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == files
