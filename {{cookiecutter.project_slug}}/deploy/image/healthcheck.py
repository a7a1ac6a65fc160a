"""The image's HEALTHCHECK: exit status 0 only if the probes say 200, on the management port.

It does not ask readiness: container engines restart an unhealthy container, and a restart does not repair a dependency.
"""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

PROBES = ("/health/startup", "/health/live")
TIMEOUT_SECONDS = 2
# Where to reach a listener that listens everywhere.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the key is what the setting says


def status(path: str) -> int:
    """Ask one probe, past any proxy the environment names."""
    host = os.environ.get("MANAGEMENT_HOST") or os.environ.get("HOST") or "127.0.0.1"
    port = os.environ.get("MANAGEMENT_PORT") or "9464"
    connection = HTTPConnection(LOOPBACK.get(host, host), int(port), timeout=TIMEOUT_SECONDS)
    connection.request("GET", path)
    return connection.getresponse().status


def main() -> str | None:
    """Say what is wrong, or nothing."""
    for path in PROBES:
        try:
            answer = status(path)
        except (OSError, HTTPException, ValueError) as error:
            return f"{path}: {error!r}"
        if answer != HTTPStatus.OK:  # not even another 2xx
            return f"{path}: {answer}"
    return None


if __name__ == "__main__":
    sys.exit(main())
