"""A real Redis server for tests, in a temporary folder: started within a tenth of a second, removed afterwards.

    with RedisProcess() as redis:
        url = redis.url()  # redis://127.0.0.1:40213/0

It uses the installed programs `redis-server` and `redis-cli`.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from .postgresql.folder import ADDRESS
from .postgresql.server import READY_POLL_SECONDS, TIMEOUT_SECONDS

ABSENT = "Redis' programs are missing: apt-get install redis-server"


def find() -> Path | None:
    """The server's program, or `None` without it or without `redis-cli`."""
    found = shutil.which("redis-server")
    return Path(found) if found and shutil.which("redis-cli") else None


class RedisProcess:
    """A server on a free port of 127.0.0.1, which stays the same after a restart.

    Use it as a context manager, or call `close` in any case.
    """

    def __init__(
        self, *, password: str | None = None, certificate: tuple[Path, Path] | None = None, **options: str | int
    ) -> None:
        """`start` starts the server. With a `certificate` and its key, it speaks TLS only.

        `options` are lines of its configuration (`maxmemory="2mb"`, `appendonly="yes"`); an underscore is a hyphen.
        Nothing is written to disk unless they say so. Raises `RuntimeError` without Redis' programs.
        """
        program = find()
        if program is None:
            raise RuntimeError(ABSENT)
        self._program = program
        # Bound in any case, and never listening: no client gets the port while the server is down.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind((ADDRESS, 0))
        self.port: int = self._held.getsockname()[1]
        self.password = password
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        """Where it keeps its data and its log."""
        secret = {} if password is None else {"requirepass": password, "masterauth": password}
        given = {name.replace("_", "-"): str(value) for name, value in options.items()}
        self._options = {
            "port": str(self.port),
            "bind": ADDRESS,
            "save": "",
            "dir": str(self.folder),
            **secret,
            **given,
        }
        self._tls: tuple[str, ...] = ()
        if certificate is not None:
            files = {"tls-cert-file": str(certificate[0]), "tls-key-file": str(certificate[1])}
            self._options |= {"port": "0", "tls-port": str(self.port), "tls-auth-clients": "no", **files}
            self._tls = ("--tls", "--insecure")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers. Raises `RuntimeError`, with its log, if it does not."""
        lines = [f'{name} "{value}"' for name, value in self._options.items()]
        (self.folder / "redis.conf").write_text("\n".join(lines) + "\n")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the program that `find` found
                [self._program, self.folder / "redis.conf"], stdout=log, stderr=log, process_group=0
            )
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                msg = f"Redis did not start:\n{self.log}"
                raise RuntimeError(msg)
            time.sleep(READY_POLL_SECONDS)

    def stop(self) -> None:
        """End the server in order. Does nothing when it is stopped."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(TIMEOUT_SECONDS)
            self._process = None

    def kill(self) -> None:
        """Kill the server, as a crash does. Does nothing when it is stopped."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(TIMEOUT_SECONDS)
            self._process = None

    def close(self) -> None:
        """End the server, and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._held.close()

    def url(self, database: int = 0, *, port: int | None = None) -> str:
        """The URL of a database, as `REDIS_URL` takes it; with the `port` of a proxy instead of its own."""
        secret = "" if self.password is None else f":{quote(self.password, safe='')}@"
        scheme = "rediss" if self._tls else "redis"
        return f"{scheme}://{secret}{ADDRESS}:{port or self.port}/{database}"

    def command(self, *words: str | int, database: int = 0) -> str:
        """Run a command of Redis. Returns its answer as `redis-cli` prints it.

        Raises `RuntimeError` with the server's message.
        """
        options = ["-p", str(self.port), "-n", str(database), "-e", *self._tls]
        environment = {} if self.password is None else {"REDISCLI_AUTH": self.password}
        done = subprocess.run(  # noqa: S603
            ["redis-cli", *options, *map(str, words)],  # noqa: S607 - `find` found it on PATH
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=TIMEOUT_SECONDS,
            env={"PATH": _path(), **environment},
        )
        if done.returncode != 0:
            msg = f"Redis refused {words[0]}: {(done.stderr or done.stdout).strip()}"
            raise RuntimeError(msg)
        return done.stdout.strip()

    @property
    def log(self) -> str:
        """What the server has written to its log so far."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

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

    def _answers(self) -> bool:
        """Whether it takes commands: it refuses them while it loads its data."""
        try:
            return self.command("EXISTS", "nothing") == "0"
        except RuntimeError:
            return False


def _path() -> str:
    found = shutil.which("redis-cli")
    return str(Path(found or "").parent)
