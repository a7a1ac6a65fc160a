# mypy: disable-error-code="import-not-found"
"""The emitted service on granian: one worker process below granian's own, which does not import the service."""

import os

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops

if __name__ == "__main__":
    Granian(
        "bench.programs.granian_app:app",
        port=int(os.environ["PORT"]),
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        factory=True,
        log_access=False,
        workers_kill_timeout=20,
    ).serve()
