"""`python -m firstlight fuzz <package>`: starts the service and sends it generated requests. `make fuzz` calls it.

Schemathesis makes the requests and judges the responses. `tests/schemathesis.toml` configures it: phases, checks,
and the exceptions of this service.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from importlib import util
from pathlib import Path

from ..exit_status import BAD_USE
from ..testing.process import ServiceProcess

CONFIGURATION = Path("tests/schemathesis.toml")
USE = "usage: python -m firstlight fuzz <package> [options of schemathesis run]"
MISSING = "fuzz needs schemathesis: run `make fuzz`, which installs it"
# Without limits, so that no response hides behind a 429; traces would have no reader.
ENVIRONMENT = {"RATE_LIMITS": "off", "OTEL_TRACES_EXPORTER": "none"}


def run(arguments: Sequence[str]) -> int:
    """Exit status 0, 1 for a response that the document does not allow or a handler that failed, 2 for bad use."""
    if not arguments or arguments[0].startswith("-"):
        return _refuse(USE)
    if util.find_spec("schemathesis") is None:
        return _refuse(MISSING)
    package, *options = arguments
    if util.find_spec(package) is None:
        return _refuse(f"there is no package {package!r} here; name the package of the service, such as acme_links")
    with closing(ServiceProcess(["-m", package], ENVIRONMENT)) as service:
        status = _schemathesis(service.started().url, options)
        stopped = service.terminate()
    failed = [line for line in service.lines if line["event"] == "http.request_failed"]
    for line in failed:
        sys.stderr.write(f"a handler failed: {line}\n")
    return 1 if status or stopped or failed else 0


def _schemathesis(url: str, options: Sequence[str]) -> int:
    """The exit status of schemathesis. What it stores goes to a temporary folder."""
    configuration = ["--config-file", str(CONFIGURATION.resolve())] if CONFIGURATION.is_file() else []
    command = [sys.executable, "-m", "schemathesis.cli", *configuration, "run", f"{url}/openapi.json", *options]
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "PYTHONWARNINGS": ""}
        done = subprocess.run(command, cwd=folder, env=variables, check=False)  # noqa: S603 - our interpreter, no shell
    return done.returncode


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return BAD_USE
