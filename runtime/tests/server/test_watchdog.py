"""The watchdog and the interpreter both run `atexit` handlers: never both of them."""

import os
import subprocess
import sys

from ..conftest import FAULTS, TIMEOUT_SECONDS

# The main thread waits for a thread that a handler releases. So it reaches its own handlers while the watchdog's run.
PROGRAM = """
import atexit, threading, time
from firstlight.server.watchdog import Watchdog

released = threading.Event()

def release():
    released.set()
    time.sleep(0.5)

atexit.register(release)
atexit.register(print, "called", flush=True)
Watchdog().leave(0.1)
threading.Thread(target=released.wait).start()
"""


def test_handlers_run_once() -> None:
    """Also when the main thread goes on while the watchdog runs them."""
    done = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(FAULTS.parents[1] / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "called\n", "")
