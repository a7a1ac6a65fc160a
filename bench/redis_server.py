# mypy: disable-error-code="import-not-found"
"""A Redis server in a temporary folder, as a program: it writes version and URL, and ends when it is told to.

It runs in an environment with the service, which brings what starts the server.
"""

import signal
import sys

from firstlight.testing.redis import RedisProcess

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with RedisProcess() as server:
        facts = dict(line.split(":", 1) for line in server.command("INFO", "server").splitlines() if ":" in line)
        sys.stdout.write(f"Redis {facts['redis_version'].strip()} {server.url()}\n")
        sys.stdout.flush()
        signal.pause()
