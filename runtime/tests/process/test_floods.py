"""Floods on one connection use little memory, do not delay others, and are counted."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import PROGRAMS
from ..faults import SERVICE
from .conftest import ask, metric
from .floods import MIB, STREAMS, flood

SENT = 24 * MIB  # the whole of it is far more than any limit; `floods.py` sends as much as it is told
MAX_GROWTH_MIB = 12  # eight times the largest body, and four
MAX_P99_SECONDS = 0.3  # a machine that is busy included; a flood that holds the loop takes seconds
SERVED = ("pipelined requests", "pipelined behind a slow one")  # as many as they like, one after the other


@pytest.fixture(scope="module")
def flooded() -> Iterator[ServiceProcess]:
    """One service for all floods."""
    program = [str(PROGRAMS / "limited.py")]
    with closing(ServiceProcess(program, {"OTEL_TRACES_SAMPLER_ARG": "0"}, without=variables(SERVICE))) as process:
        yield process.started()
        assert process.terminate() == 0
        assert process.error == ""


@pytest.mark.parametrize("stream", STREAMS)
def test_a_flood_uses_little_memory_and_delays_no_other(flooded: ServiceProcess, stream: str) -> None:
    """Bytes beyond the limits are neither stored nor parsed for long."""
    effect = flood(flooded.url, flooded.process.pid, stream, SENT if stream not in SERVED else MIB // 2)

    assert effect.grown_mib <= MAX_GROWTH_MIB
    assert effect.p99_seconds < MAX_P99_SECONDS
    assert ask(flooded.url, "/none").status == 200


def test_a_flood_is_counted_and_logged_once(flooded: ServiceProcess) -> None:
    """Also when it uses many connections."""
    name, reason = "http_server_refusals_total", "head_too_large"
    before = metric(flooded.management_url, name, reason=reason)
    effect = flood(flooded.url, flooded.process.pid, "target", 4 * SENT)

    assert effect.connections > 1
    assert 1 < metric(flooded.management_url, name, reason=reason) - before <= effect.connections
    lines = [line for line in flooded.lines if line["event"] == "http.connection_refused"]
    assert 1 <= len([line for line in lines if line["reason"] == reason]) <= 4  # one in ten seconds
    assert "uvicorn" not in str([line["event"] for line in flooded.lines])
