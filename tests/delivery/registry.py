"""A registry on loopback, for what is published, signed and pulled."""

import http.client
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from delivery.containers import DEADLINE, until

from bench.ports import free_port

CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: "{directory}"}}}}
http: {{addr: "{address}", secret: of one process}}
"""


@contextmanager
def registry(directory: Path) -> Iterator[str]:
    """Run one that keeps its images in a directory. Returns its address."""
    address = f"127.0.0.1:{free_port()}"
    configuration = directory / "registry.yml"
    configuration.write_text(CONFIGURATION.format(directory=directory / "registry", address=address))
    log = (directory / "registry.log").open("wb")
    process = subprocess.Popen(["docker-registry", "serve", configuration], stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or _answers(address), "the registry answers")
        assert process.poll() is None, (directory / "registry.log").read_text()
        yield address
    finally:
        process.terminate()
        process.wait(timeout=DEADLINE)
        log.close()


def _answers(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=DEADLINE)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
