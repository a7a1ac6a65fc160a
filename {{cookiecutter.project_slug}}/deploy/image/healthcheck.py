"""The image's HEALTHCHECK: exit status 0 only when the startup and liveness probes answer 200.

It does not ask readiness: container engines restart an unhealthy container, and a restart does not repair a dependency.
"""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

PROBES = ("/health/startup", "/health/live")
TIMEOUT_SECONDS = 2
# The address to ask when the service listens on all addresses.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the key is what the setting says


def status(path: str) -> int:
    """The HTTP status of one probe, asked directly, without the proxies that the environment names."""
    host = os.environ.get("MANAGEMENT_HOST") or os.environ.get("HOST") or "127.0.0.1"
    port = os.environ.get("MANAGEMENT_PORT") or "9464"
    connection = HTTPConnection(LOOPBACK.get(host, host), int(port), timeout=TIMEOUT_SECONDS)
    connection.request("GET", path)
    return connection.getresponse().status


def main() -> str | None:
    """What is wrong, or None."""
    for path in PROBES:
        try:
            answer = status(path)
        except (OSError, HTTPException, ValueError) as error:
            return f"{path}: {error!r}"
        if answer != HTTPStatus.OK:  # any other status is a failure, other 2xx too
            return f"{path}: {answer}"
    return None


if __name__ == "__main__":
    sys.exit(main())
