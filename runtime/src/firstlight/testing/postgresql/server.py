"""A server that tests start, stop, kill and remove."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from .client import Client
from .folder import ADDRESS, Folder
from .process_tree import kill_tree
from .programs import MISSING, environment, find

TIMEOUT_SECONDS = 30.0  # for each wait; long, because only a broken server waits so long
READY_POLL_SECONDS = 0.01


class PostgresqlServer:
    """A server with the superuser `postgres` on a free port of 127.0.0.1, which stays the same after a restart.

    Use it as a context manager, or call `close` in any case.
    """

    def __init__(self, *, password: str | None = None, **options: str | int | Path) -> None:
        """Create the data folder; `start` starts the server.

        `options` are settings of the server (`max_connections=20`). A `Path` is a file that is copied to where the
        server can read it (`ssl="on", ssl_cert_file=path, ssl_key_file=path`, `hba_file=path`). With a `password`,
        connections over TCP must give it. Raises `RuntimeError` without PostgreSQL's programs, and when one fails.
        """
        programs = find()
        if programs is None:
            raise RuntimeError(MISSING)
        self._programs = programs
        # Bound in any case, and never listening: no client gets the port while the server is down.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind((ADDRESS, 0))
        self.port: int = self._held.getsockname()[1]
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Folder()
        self._client = Client(programs, self._folder, self.port)
        try:
            self._create_data()
            self._options = self._folder.options(options)
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start the server and wait until it accepts connections, after a recovery if it was killed.

        Raises `RuntimeError`, with the server's log, when it ends or is not ready in time.
        """
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self._options.items()]
        with self._folder.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the program that `find` found
                [self._programs / "postgres", "-D", self._folder.data, "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                cwd=self._folder.path,
                env=environment(),
                process_group=0,  # a Ctrl-C in the terminal ends the tests first
                **self._folder.account.arguments,
            )
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self._client.ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                msg = f"PostgreSQL did not start:\n{self.log}"
                raise RuntimeError(msg)
            time.sleep(READY_POLL_SECONDS)

    def stop(self) -> None:
        """End the server in order: sessions are ended at once, and nothing is lost. Does nothing when it is stopped."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the server and every session, as a crash does. `start` recovers. Does nothing when it is stopped."""
        if self._process is not None:
            if self._process.poll() is None:
                kill_tree(self._process.pid, TIMEOUT_SECONDS)
            self._process.wait(TIMEOUT_SECONDS)
            self._process = None

    def close(self) -> None:
        """End the server, and remove its folder."""
        self._end(signal.SIGQUIT)
        self._folder.remove()
        self._held.close()

    def url(self, database: str = "postgres") -> str:
        """The URL of a database, over TCP, as `DATABASE_URL` takes it."""
        password = "" if self._password is None else f":{quote(self._password, safe='')}"
        return f"postgresql://postgres{password}@{ADDRESS}:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, empty or as a copy of another that nobody uses. Returns its URL."""
        copied = "" if template is None else f' TEMPLATE "{template}"'
        self.sql(f'CREATE DATABASE "{name}"{copied}')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, and end the sessions that use it."""
        self.sql(f'DROP DATABASE "{name}" WITH (FORCE)')

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as superuser. Returns its rows, one a line, columns separated by `|`.

        Raises `RuntimeError` with the server's message.
        """
        return self._client.sql(statement, database)

    @property
    def folder(self) -> Path:
        """Where it keeps its files, and its socket."""
        return self._folder.path

    @property
    def log(self) -> str:
        """What the server has written to its log so far."""
        return self._folder.log.read_text(errors="replace")

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """End the server, and remove its folder."""
        self.close()

    def _create_data(self) -> None:
        self._folder.create_data(self._programs, self._password)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(TIMEOUT_SECONDS)
            self._process = None
