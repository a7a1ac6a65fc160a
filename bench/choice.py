"""The choice of the default server: the same service on uvicorn and on granian."""

import secrets
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from .cpu import microseconds
from .report import Row, Section
from .rig import LOOPBACK, Rig, Server
from .variants import SERVICE_GRANIAN, SERVICE_GRANIAN_DRAIN, SERVICE_UVICORN, Variant

VARIANTS = (SERVICE_UVICORN, SERVICE_GRANIAN, SERVICE_GRANIAN_DRAIN)
MOST_ROUNDS = 3
DRAIN_SECONDS = 2
SLOW_SECONDS = 3
IN_FLIGHT_SECONDS = 0.5
INTO_THE_DRAIN_SECONDS = 0.7
PIPELINED = b"GET /context HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" * 2
ANSWER_SECONDS = 5.0
METHOD = (
    f"The emitted service at 10 % sampling. For the drain, `DRAIN_SECONDS={DRAIN_SECONDS}`: a request of "
    f"{SLOW_SECONDS} s is on its way when SIGTERM comes; {INTO_THE_DRAIN_SECONDS} s later readiness is read on the "
    "management port and a new connection is opened on the service port. Cost and memory of granian include the "
    "process above its worker. The drain is the uvicorn server's own; the last column adds one that takes SIGTERM over "
    "in the lifespan and raises SIGINT after the delay."
)


@dataclass(frozen=True)
class Drain:
    """What became of a server at SIGTERM; a status 0 is a refused connection."""

    readiness: int
    new_request: int
    slow_request: int
    span_exported: bool
    line_written: bool
    exit_status: int
    seconds: float


@dataclass(frozen=True)
class Finding:
    """What is known of one server."""

    costs: Sequence[float]
    rss_mib: float
    drain: Drain
    isolated: bool


ROWS: Mapping[str, Callable[[Finding], object]] = {
    "CPU per request, us, median": lambda finding: f"{median(finding.costs):.0f}",
    "resident memory after that, MiB": lambda finding: f"{finding.rss_mib:.0f}",
    "readiness during the drain": lambda finding: finding.drain.readiness,
    "new connection during the drain": lambda finding: finding.drain.new_request or "refused",
    "request in flight at SIGTERM": lambda finding: finding.drain.slow_request or "cut",
    "its span exported": lambda finding: "yes" if finding.drain.span_exported else "no",
    "its access line written": lambda finding: "yes" if finding.drain.line_written else "no",
    "exit status": lambda finding: finding.drain.exit_status,
    "SIGTERM to exit, s": lambda finding: f"{finding.drain.seconds:.1f}",
    "pipelined requests apart": lambda finding: "yes" if finding.isolated else "no",
}


def measure(rig: Rig) -> Section:
    """Cost, drain and isolation of both."""
    findings = _findings(rig)
    rows: list[Row] = [(title, *(str(show(findings[variant])) for variant in VARIANTS)) for title, show in ROWS.items()]
    return Section("Choice of server", METHOD, ("Server", *(variant.title for variant in VARIANTS)), rows)


def _findings(rig: Rig) -> Mapping[Variant, Finding]:
    costs: dict[Variant, list[float]] = {variant: [] for variant in VARIANTS}
    with ExitStack() as stack:
        servers = [stack.enter_context(rig.start(variant)).until_ready() for variant in VARIANTS]
        for _ in range(min(rig.amounts.rounds, MOST_ROUNDS)):
            for server in servers:
                costs[server.variant].append(microseconds(rig, server))
        return {
            server.variant: Finding(
                costs[server.variant], server.rss_mib, _drain(rig, server.variant), _isolates(server)
            )
            for server in servers
        }


def _drain(rig: Rig, variant: Variant) -> Drain:
    with rig.start(variant, DRAIN_SECONDS=str(DRAIN_SECONDS)) as server, ThreadPoolExecutor() as threads:
        server.until_ready()
        trace_id = secrets.token_hex(16)
        traceparent = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
        slow = threads.submit(server.fetch, f"/slow?seconds={SLOW_SECONDS}", headers=traceparent)
        time.sleep(IN_FLIGHT_SECONDS)
        server.send_signal(signal.SIGTERM)
        begun = time.perf_counter()
        time.sleep(INTO_THE_DRAIN_SECONDS)
        readiness, new_request = server.get("/health/ready", management=True), server.get("/items/1")
        slow_request = slow.result()[0]
        exit_status = server.wait()
        return Drain(
            readiness=readiness,
            new_request=new_request,
            slow_request=slow_request,
            span_exported=rig.sink_saw(trace_id),
            line_written=trace_id.encode() in server.output,
            exit_status=exit_status,
            seconds=time.perf_counter() - begun,
        )


def _isolates(server: Server) -> bool:
    """Two requests in one write; each says whether it finds a mark that another one left in its context."""
    data = b""
    with socket.create_connection((LOOPBACK, server.port), ANSWER_SECONDS) as connection:
        connection.sendall(PIPELINED)
        while data.count(b'"clean":') < 2 and (chunk := connection.recv(1 << 16)):  # noqa: PLR2004 - requests
            data += chunk
    return data.count(b'"clean":true') == 2  # noqa: PLR2004 - requests
