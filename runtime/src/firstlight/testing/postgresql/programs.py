"""PostgreSQL's installed programs: where they are, and how to run one."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .accounts import Account

MISSING = "PostgreSQL's programs are missing: apt-get install postgresql"
NEEDED = ("initdb", "pg_isready", "postgres", "psql")
DEBIAN = Path("/usr/lib/postgresql")  # one folder for each version
TIMEOUT_SECONDS = 60.0


def find() -> Path | None:
    """The folder of PostgreSQL's programs: that on `PATH`, else Debian's newest version. `None` without any."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    versions = [folder for folder in DEBIAN.glob("*") if folder.name.isdecimal()]
    folders += [folder / "bin" for folder in sorted(versions, key=lambda folder: int(folder.name), reverse=True)]
    return next((folder for folder in folders if all((folder / name).exists() for name in NEEDED)), None)


def environment() -> Mapping[str, str]:
    """The environment of the programs: without `PGHOST`, `PGPASSWORD` and so on; messages in English."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_MESSAGES": "C"}


def run(command: Sequence[str | Path], account: Account) -> str:
    """Run a program to its end under an account. Returns its output.

    Raises `RuntimeError` with its standard error if it fails, and `subprocess.TimeoutExpired` after a minute.
    """
    done = subprocess.run(  # noqa: S603 - a program that `find` found
        command,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=TIMEOUT_SECONDS,
        env=environment(),
        cwd="/",  # the account may not enter the folder of this process
        **account.arguments,
    )
    if done.returncode != 0:
        msg = f"{Path(command[0]).name} failed: {done.stderr.strip()}"
        raise RuntimeError(msg)
    return done.stdout
