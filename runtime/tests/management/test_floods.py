"""A real process answers probes and scrapes within a second, also under floods on the management port."""

import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from firstlight.testing import ServiceProcess

from ..conftest import FAULTS, PROGRAMS, TIMEOUT_SECONDS
from ..process.conftest import Start, Wire, ask, metric, request, wait_until

SECONDS = 1.0  # for any answer
REFUSALS = "http_server_refusals_total"
PIDS = Path("/sys/fs/cgroup/pids")
DRIP_SECONDS = 0.1


class Flood:
    """Clients that send a head byte by byte or not at all, and connect again when they are closed."""

    def __init__(self, url: str, clients: int, head: bytes) -> None:
        """Connect all clients."""
        address = urlsplit(url)
        self._address = (address.hostname, address.port)
        self._head = head
        self._selector = selectors.DefaultSelector()
        self._ended = threading.Event()
        for _ in range(clients):
            self._connect()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Close all clients."""
        self._ended.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr] # a socket
        self._selector.close()

    def _connect(self) -> None:
        client = socket.socket()
        client.settimeout(0)
        client.connect_ex(self._address)
        self._selector.register(client, selectors.EVENT_READ, iter(self._head))

    def _run(self) -> None:
        while not self._ended.wait(DRIP_SECONDS):
            for key, _ in self._selector.select(0):
                self._selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr] # a socket
                self._connect()
            self._drip()

    def _drip(self) -> None:
        for key in list(self._selector.get_map().values()):
            for byte in key.data:
                with suppress(OSError):
                    key.fileobj.send(bytes((byte,)))  # type: ignore[union-attr] # a socket
                break


@contextmanager
def flood(url: str, clients: int, head: bytes = b"") -> Iterator[Flood]:
    """A flood for the duration of the context."""
    flooding = Flood(url, clients, head)
    try:
        yield flooding
    finally:
        flooding.close()


def answered(url: str, seconds: float) -> Sequence[float]:
    """Probe and scrape on new connections for some seconds. Returns the seconds that each response took."""
    times = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in ("/health/live", "/health/ready", "/metrics"):
            began = time.monotonic()
            assert ask(url, path).status == 200
            times.append(time.monotonic() - began)
        time.sleep(0.02)  # the pace of the probes, not a wait for something
    return times


def threads(service: ServiceProcess) -> int:
    """The number of threads of the process."""
    return sum(1 for _ in Path(f"/proc/{service.process.pid}/task").iterdir())


def descriptors(service: ServiceProcess) -> int:
    """The number of open descriptors of the process."""
    return sum(1 for _ in Path(f"/proc/{service.process.pid}/fd").iterdir())


def cpu_seconds(service: ServiceProcess) -> float:
    """The CPU time of the process so far."""
    fields = Path(f"/proc/{service.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def few_threads(service: ServiceProcess, maximum: int) -> Iterator[None]:
    """Limit the number of threads of the process, if the machine can."""
    group = PIDS / f"firstlight-test-{service.process.pid}"
    try:
        group.mkdir()
        (group / "pids.max").write_text(str(maximum))
        (group / "cgroup.procs").write_text(str(service.process.pid))
    except OSError:
        yield  # the number of threads is asserted in any case
        return
    try:
        yield
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (PIDS / "cgroup.procs").write_text(pid)
        group.rmdir()


@pytest.fixture
def process(serve: Start) -> ServiceProcess:
    """An idle process."""
    return serve(str(FAULTS)).started()


def lines_of(service: ServiceProcess, reason: str) -> list[str]:
    """The client addresses in the log lines about refusals of the management port."""
    fields = {"event": "http.connection_refused", "listener": "management", "reason": reason}
    return [line["client_address"] for line in service.lines if fields.items() <= line.items()]


@pytest.mark.parametrize("head", [b"", b"GET /metrics HTTP/1.1\r\nx: " + b"y" * 1000], ids=["silent", "dripping"])
def test_slow_clients_delay_no_probe(process: ServiceProcess, head: bytes) -> None:
    """200 slow clients, three times the limit, in a process that may have 64 threads."""
    url = process.management_url
    answered(url, 0.2)
    threads_before, descriptors_before = threads(process), descriptors(process)
    with few_threads(process, 64):
        with flood(url, 200, head):
            times = answered(url, 2.5)
            assert threads(process) == threads_before
            assert descriptors(process) <= descriptors_before + 64 + 16  # the limit, and those on their way in or out
        answered(url, 0.2)

    assert max(times) < SECONDS
    assert metric(url, REFUSALS, listener="management", reason="too_many_connections") >= 200 - 64
    assert lines_of(process, "too_many_connections") == ["127.0.0.1"]
    wait_until(lambda: descriptors(process) <= descriptors_before)


def test_1500_silent_connections_start_no_thread(process: ServiceProcess) -> None:
    """A thread for each connection would be 1,500 threads."""
    url = process.management_url
    answered(url, 0.2)
    threads_before, descriptors_before = threads(process), descriptors(process)
    with flood(url, 1500):
        assert ask(url, "/health/live").status == 200  # behind all of them in the kernel's queue
        times = answered(url, 1.5)
        assert threads(process) == threads_before

    assert max(times) < SECONDS
    wait_until(lambda: descriptors(process) <= descriptors_before)


def test_without_a_free_descriptor_probes_and_metrics_answer(serve: Start) -> None:
    """The service and silent clients use all descriptors. No loop is busy, and one line is logged."""
    service = serve(str(PROGRAMS / "greedy.py"), DESCRIPTORS="128").started()
    url = service.management_url
    limit = metric(url, "process_max_fds")
    with ThreadPoolExecutor() as pool:
        greed = pool.submit(ask, service.url, "/take?seconds=6")
        wait_until(lambda: descriptors(service) == limit)
        assert max(answered(url, 1.0)) < SECONDS
        assert metric(url, "process_open_fds") >= limit - 4
        silent = [Wire(url) for _ in range(100)]
        began, used = time.monotonic(), cpu_seconds(service)
        while time.monotonic() - began < 3:
            time.sleep(0.1)  # the time that is measured
        assert (cpu_seconds(service) - used) / 3 < 0.05
        assert max(answered(url, 0.5)) < SECONDS
        for wire in silent:
            wire.__exit__()
        assert greed.result(TIMEOUT_SECONDS).status == 200

    assert metric(url, REFUSALS, listener="management", reason="too_many_connections") > 0
    assert lines_of(service, "too_many_connections") == ["127.0.0.1"]
    assert max(answered(url, 0.5)) < SECONDS
    with Wire(url) as kept:  # a connection is kept alive again when the reserve is whole
        kept.send(request("/health/live"))
        assert "connection" not in kept.receive().headers


def test_a_process_with_few_descriptors_keeps_most_for_the_service(serve: Start) -> None:
    """200 silent clients of the management port do not affect the service port."""
    service = serve(str(PROGRAMS / "greedy.py"), DESCRIPTORS="64").started()
    with flood(service.management_url, 200):
        assert max(answered(service.management_url, 1.0)) < SECONDS
        assert service.get("/take?seconds=0").status_code == 200
