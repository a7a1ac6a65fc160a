"""Memory over many requests."""

import subprocess
from collections.abc import Callable

from .conftest import Unheard, Wire, metric, request

WARM_UP = 3000
REQUESTS = 10_000  # more would find smaller leaks, and take longer than it is worth here
PIPELINED = 100
NOISE_BYTES = 3_000_000  # 300 bytes a request would be more


def _send(service: Unheard, requests: int) -> float:
    """Send so many, half of them unmatched. Returns the resident memory after them."""
    with Wire(service.url) as wire:
        for start in range(0, requests, PIPELINED):
            wire.send(*(request(("/api/v1/links", f"/{start}-{n}")[n % 2]) for n in range(PIPELINED)))
            for _ in range(PIPELINED):
                wire.receive()
    return metric(service.management_url, "process_resident_memory_bytes")


def test_memory_is_flat(launch: Callable[..., Unheard]) -> None:
    """Requests leave nothing behind."""
    service = launch(subprocess.DEVNULL)
    before = _send(service, WARM_UP)
    assert _send(service, REQUESTS) - before < NOISE_BYTES
