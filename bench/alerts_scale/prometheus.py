"""A real Prometheus on loopback, which says what an evaluation costs."""

import json
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.ports import free_port

REPEATS = 3


@dataclass(frozen=True)
class Cost:
    """Samples touched and seconds of one evaluation."""

    samples: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        """Add two costs."""
        return Cost(self.samples + other.samples, self.seconds + other.seconds)

    def __mul__(self, factor: float) -> "Cost":
        """Scale a cost."""
        return Cost(round(self.samples * factor), self.seconds * factor)


def cost(base: str, query: str, at: int) -> Cost:
    """Evaluate one expression as a rule would, and read what it cost."""
    body = urllib.parse.urlencode({"query": query, "time": at, "stats": "all"}).encode()
    runs = []
    for _ in range(REPEATS):
        with urllib.request.urlopen(f"{base}/api/v1/query", body, timeout=300) as answer:  # noqa: S310 - http, our own
            stats = json.load(answer)["data"]["stats"]
        runs.append(stats["timings"]["execTotalTime"])
    return Cost(stats["samples"]["totalQueryableSamples"], statistics.median(runs))


def wait_ready(base: str) -> None:
    """Wait until Prometheus answers queries."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{base}/-/ready", timeout=5).close()  # noqa: S310 - http, our own
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit("Prometheus did not get ready within two minutes.")


@contextmanager
def prometheus(directory: Path) -> Iterator[str]:
    """Run Prometheus over the blocks in `directory/data`. Yields its address."""
    (directory / "prometheus.yml").write_text("{}\n")
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--storage.tsdb.retention.time=60d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    process = subprocess.Popen(command)
    try:
        wait_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)
