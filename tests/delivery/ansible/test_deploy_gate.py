"""deploy-gate judges by the metrics of instances: of servers with given numbers, and of the service itself."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from emitted import get, serving
from template import EVERYTHING, ROOT, SERVICE_DIRECTORY, Machine

GATE = ROOT / SERVICE_DIRECTORY / "deploy/ansible/roles/service/files/deploy_gate.py"
GOOD, BAD, NO_VERDICT = 0, 1, 2
HASTE = ("--interval", "0.1", "--timeout", "0.5", "--seconds", "0.2")
PATIENCE = (*HASTE, "--timeout", "30")  # a verdict that comes ends the wait, however few readings a busy machine allows


class Verdict(NamedTuple):
    """The exit status and the output of the gate."""

    status: int
    sentence: str


def gate(*words: str) -> Verdict:
    """Run it as the role does."""
    command = [sys.executable, "-I", str(GATE), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return Verdict(done.returncode, done.stdout + done.stderr)


class Instance:
    """A server with the metrics of an instance. Before each answer, the given numbers of requests are added."""

    def __init__(self, **happens: int) -> None:
        """Start counting, and listening."""
        self.happens = happens
        self.counted = dict.fromkeys(happens, 1_000)  # it has lived before
        self.started = 1_000
        self.status = 200
        instance = self

        class Handler(BaseHTTPRequestHandler):
            """Answer with the metrics of now."""

            def do_GET(self) -> None:
                """Add the requests and answer with the metrics."""
                instance.counted = {kind: n + instance.happens[kind] for kind, n in instance.counted.items()}
                body = instance.exposition().encode()
                self.send_response(instance.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/metrics"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def exposition(self) -> str:
        """The exposition that the service would write, with exemplars and escaped label values."""
        good, failed, slow = (self.counted.get(kind, 0) for kind in ("good", "failed", "slow"))
        lines = [
            "# TYPE slo_objective_ratio gauge",
            'slo_objective_ratio{slo="availability"} 0.999',
            'slo_objective_ratio{slo="latency"} 0.99',
            'slo_threshold_seconds{slo="latency"} 0.25',
            f'slo_events_total{{outcome="good",slo="availability"}} {good + slow}',
            f'slo_events_total{{outcome="bad",slo="availability"}} {failed} # {{trace_id="}}"}} 0.2 9.5',
            f'slo_events_total{{outcome="good",slo="latency"}} {good + failed}',
            f'slo_events_total{{outcome="bad",slo="latency"}} {slow}',
            'slo_events_total{outcome="bad",slo="orders"} 9999',
            f"process_start_time_seconds {self.started}",
            'http_server_request_duration_seconds_count{http_route="/a \\"b\\" {c},d",error_type="500"} 9999',
        ]
        return "\n".join([*lines, "# EOF", ""])

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


Start = Callable[..., Instance]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start instances; all end with the test."""
    instances: list[Instance] = []

    def start_one(**happens: int) -> Instance:
        instances.append(Instance(**happens))
        return instances[-1]

    yield start_one
    for instance in instances:
        instance.close()


@pytest.mark.parametrize(
    ("new", "old", "status", "because"),
    [
        ({"good": 100}, {"good": 100}, GOOD, "0.00 % of"),
        ({"good": 80, "failed": 20}, {"good": 100}, BAD, "20.00 % of 100 requests failed"),
        ({"good": 80, "slow": 20}, {"good": 100}, BAD, "20.00 % of 100 requests took longer than 0.25 s"),
        ({"good": 80, "gone": 20}, {"good": 100}, GOOD, "0.00 % of"),  # nobody's fault but the clients'
        # Within the limit for all, and still far worse than what it replaces.
        ({"good": 990, "failed": 10}, {"good": 1000}, BAD, "1.00 % of 1000 requests failed, the old release 0.00 %"),
        ({"good": 990, "failed": 10}, {"good": 995, "failed": 5}, GOOD, "1.00 % of"),
        # The old release fails as well, so the cause is elsewhere, and there is no verdict.
        ({"good": 80, "failed": 20}, {"good": 80, "failed": 20}, NO_VERDICT, "the old release 20.00 %"),
        # Too few requests for a verdict.
        ({"good": 0}, {"good": 100}, NO_VERDICT, "0 requests are not enough, 50 are needed"),
        ({"good": 1}, {"good": 100}, NO_VERDICT, "requests are not enough, 50 are needed"),
        ({"good": 0, "slow": 2}, {"good": 100}, NO_VERDICT, "requests are not enough, 50 are needed"),
        # Few requests are enough when five of them failed, even without anybody to compare with.
        ({"good": 3, "failed": 2}, {"good": 100}, BAD, "40.00 % of 15 requests failed"),
        ({"good": 3, "failed": 2}, {"good": 0}, BAD, "40.00 % of 15 requests failed (limit 1.44 %)"),
        ({"good": 1000, "failed": 5}, {"good": 0}, GOOD, "0.50 % of"),
    ],
)
def test_a_release_is_judged_alone_and_against_the_old_one(
    start: Start, new: Mapping[str, int], old: Mapping[str, int], status: int, because: str
) -> None:
    """Requests from before the first reading do not count."""
    wait = HASTE if status == NO_VERDICT else PATIENCE
    verdict = gate("--new", start(**new).url, "--old", start(**old).url, *wait)

    assert verdict.status == status, verdict
    assert because in verdict.sentence


def test_the_first_release_is_judged_alone(start: Start) -> None:
    """There is no old release to compare it with."""
    assert gate("--new", start(good=100).url, *PATIENCE).status == GOOD
    assert gate("--new", start(good=80, failed=20).url, *PATIENCE).status == BAD


def test_instances_of_a_slot_are_added_up(start: Start) -> None:
    """One bad one of two is half as bad."""
    verdict = gate("--new", start(good=100).url, start(good=80, failed=20).url, *PATIENCE)

    assert verdict.status == BAD
    assert "10.00 % of 200 requests failed" in verdict.sentence


def test_a_release_is_watched_for_the_given_seconds(start: Start) -> None:
    """A release that becomes bad later is bad."""
    instance = start(good=100)
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(gate, "--new", instance.url, "--interval", "0.1", "--seconds", "30")
        while instance.counted["good"] < 1_300:
            assert not watching.done()
        instance.counted["failed"] = instance.happens["failed"] = 0
        instance.happens["failed"] = 50
        verdict = watching.result(20)

    assert verdict.status == BAD


def test_a_release_that_restarts_is_bad(start: Start) -> None:
    """A new process start time is a crash."""
    instance = start(good=1)
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(gate, "--new", instance.url, "--interval", "0.1")
        while instance.counted["good"] < 1_002:
            assert not watching.done()
        instance.started += 1
        verdict = watching.result(20)

    assert verdict == (BAD, f"bad: {instance.url} has restarted\n")


def test_a_release_that_does_not_answer_is_bad(start: Start, gone: str) -> None:
    """The same holds for an answer without the metrics."""
    refusing = start(good=1)
    refusing.status = 503

    refused = gate("--new", gone, *PATIENCE)

    assert refused.status == BAD
    assert f"bad: {gone} does not answer" in refused.sentence
    assert gate("--new", refusing.url, *PATIENCE) == (BAD, f"bad: {refusing.url} answers 503\n")


def test_an_old_release_that_does_not_answer_is_ignored(start: Start, gone: str) -> None:
    """A deploy must be possible when the running release is broken."""
    assert gate("--new", start(good=100).url, "--old", gone, *PATIENCE).status == GOOD


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--new", "127.0.0.1:9464"], "'127.0.0.1:9464' must be the address of metrics, such as http://"),
        (["--new", "http://127.0.0.1/metrics", "--seconds", "soon"], "'soon' must be a number, 0 or more"),
        (["--new", "http://127.0.0.1/metrics", "--requests", "0"], "'0' must be a number, 1 or more"),
        ([], "the following arguments are required: --new"),
    ],
)
def test_a_wrong_argument_is_named_and_is_no_verdict(words: list[str], sentence: str) -> None:
    """Exit status 2, before anything is read."""
    verdict = gate(*words)

    assert verdict.status == NO_VERDICT
    assert sentence in verdict.sentence


@pytest.fixture(scope="module")
def installed(shared: Machine, template: Path) -> Path:
    """Generate and install a service."""
    directory = shared.cookiecutter(template, EVERYTHING).service
    done = shared.run(["uv", "sync", "--quiet", "--no-dev"], directory)
    assert done.status == 0, done.stderr
    return directory


@pytest.mark.slow
@pytest.mark.parametrize(("path", "status"), [("/faults/none", GOOD), ("/faults/fail", BAD), ("/nowhere", GOOD)])
def test_the_service_exports_the_metrics_of_the_gate(shared: Machine, installed: Path, path: str, status: int) -> None:
    """With the real exposition, objectives and requests of a generated service."""
    with serving(shared, installed) as service, ThreadPoolExecutor(1) as pool:
        ports = service.wait_for("service.started")
        url = f"http://127.0.0.1:{ports['management_port']}/metrics"
        watching = pool.submit(gate, "--new", url, "--interval", "0.1", "--seconds", "1", "--timeout", "15")
        while not watching.done():
            get(ports["port"], path)
        verdict = watching.result()

    assert verdict.status == status, verdict
    assert re.search(r"(good|bad): (0|100)\.00 % of \d+ requests failed", verdict.sentence)
