"""The folder of a server: its data, log, socket and files."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .accounts import Account
from .programs import run

Option = str | int | Path
ADDRESS = "127.0.0.1"
SEGMENT_LINE = 6  # of `postmaster.pid`: key and identifier of the shared memory

# Commits survive a killed server; they need not survive a killed machine. Shared memory lies in the folder.
TEMPORARY = {
    "fsync": "off",
    "full_page_writes": "off",
    "dynamic_shared_memory_type": "mmap",
    "listen_addresses": ADDRESS,
}


class Folder:
    """A temporary folder that belongs to the account of the server."""

    def __init__(self) -> None:
        """Create the folder, with an empty log."""
        self.account = Account.unprivileged()
        self.path = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self.data = self.path / "data"
        self.log = self.path / "log"
        self.log.touch()
        self.account.own(self.path)

    def create_data(self, programs: Path, password: str | None) -> None:
        """Create the data. With a `password`, connections over TCP must give it. Raises `RuntimeError`."""
        access = ["--auth=trust"]
        if password is not None:
            secret = self.path / "password"
            secret.write_text(password)
            self.account.own(secret)
            access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}"]
        locale = "C.UTF-8" if sys.platform == "linux" else "C"
        options = ["--username=postgres", "--encoding=UTF8", f"--locale={locale}", "--no-sync", "--no-instructions"]
        run([programs / "initdb", "-D", self.data, *options, *access], self.account)

    def options(self, options: Mapping[str, Option]) -> Mapping[str, Option]:
        """The options of the server: those given, with files where it can read them, and those of this folder."""
        given = {name: self._readable(value) for name, value in options.items()}
        return {**TEMPORARY, "unix_socket_directories": self.path, **given}

    def remove(self) -> None:
        """Remove the folder, and the shared memory that the kernel keeps after a killed server."""
        pid_file = self.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        ipcrm = shutil.which("ipcrm")
        if ipcrm is not None and len(lines) > SEGMENT_LINE:
            identifier = lines[SEGMENT_LINE].split()[1]
            subprocess.run([ipcrm, "-m", identifier], check=False, capture_output=True)  # noqa: S603
        shutil.rmtree(self.path, ignore_errors=True)

    def _readable(self, option: Option) -> Option:
        if not isinstance(option, Path):
            return option
        copy = Path(tempfile.mkdtemp(dir=self.path)) / option.name
        shutil.copyfile(option, copy)
        self.account.own(copy.parent)
        self.account.own(copy)
        return copy
