"""process-gate judges processes that serve no requests by their metrics, while deploy-gate runs."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest
from template import ROOT, SERVICE_DIRECTORY

GATE = ROOT / SERVICE_DIRECTORY / "deploy/ansible/roles/service/files/process_gate.py"
GOOD, BAD, NO_VERDICT = 0, 1, 2
HASTE = ("--interval", "0.05")
A_WHILE = ("--", "sleep", "0.4")
FOR_EVER = ("--", "sleep", "60")


class Verdict(NamedTuple):
    """The exit status and the output of the gate."""

    status: int
    sentence: str


def gate(*words: str) -> Verdict:
    """Run it as the role does."""
    command = [sys.executable, "-I", str(GATE), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return Verdict(done.returncode, done.stdout + done.stderr)


class Worker:
    """A server with the metrics of a worker. Before each answer, the given numbers of events are added."""

    def __init__(self, *, ready: bool = True, **happens: int) -> None:
        """Start counting, and listening."""
        self.ready = ready
        self.happens = {"good": 0, "failed": 0, "errors": 0} | happens
        self.counted = dict.fromkeys(self.happens, 1_000)  # it has lived before
        self.started = 1_000
        self.answers = 0
        worker = self

        class Handler(BaseHTTPRequestHandler):
            """Answer with the metrics of now."""

            def do_GET(self) -> None:
                """Add the requests and answer with the metrics."""
                worker.answers += 1
                worker.counted = {kind: n + worker.happens[kind] for kind, n in worker.counted.items()}
                body = worker.exposition().encode()
                self.send_response(200)
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
        """The exposition of a worker. It has the objectives of requests as well, without events."""
        lines = [
            'slo_objective_ratio{slo="availability"} 0.999',
            'slo_events_total{outcome="bad",slo="availability"} 0.0',
            'slo_objective_ratio{slo="orders"} 0.99',
            f'slo_events_total{{outcome="good",slo="orders"}} {self.counted["good"]}',
            f'slo_events_total{{outcome="bad",slo="orders"}} {self.counted["failed"]}',
            f'unhandled_errors_total{{source="background"}} {self.counted["errors"]} # {{trace_id="}}"}} 1 9.5',
            'unhandled_errors_total{source="task"} 7.0',
            f"process_start_time_seconds {self.started}",
            f"service_ready {int(self.ready)}.0",
        ]
        return "\n".join([*lines, "# EOF", ""])

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


Start = Callable[..., Worker]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start workers; all end with the test."""
    workers: list[Worker] = []

    def start_one(*, ready: bool = True, **happens: int) -> Worker:
        workers.append(Worker(ready=ready, **happens))
        return workers[-1]

    yield start_one
    for worker in workers:
        worker.close()


@pytest.mark.parametrize(
    ("new", "old", "status", "because"),
    [
        ({}, {}, GOOD, ""),  # nobody can make tasks come
        ({"good": 100}, {"good": 100}, GOOD, ""),
        (
            {"good": 80, "failed": 20},
            {"good": 100},
            BAD,
            "20.00 % of 100 events of orders failed in the worker, in",
        ),
        ({"good": 80, "failed": 20}, {}, BAD, "20.00 % of 100 events of orders failed in the worker (limit 14.40 %)"),
        ({"good": 80, "failed": 20}, {"good": 80, "failed": 20}, GOOD, ""),  # not this release's fault
        ({"errors": 5}, {}, BAD, "5 unhandled errors in the worker, in the old release 0"),
        ({"errors": 5}, {"errors": 5}, GOOD, ""),
        ({"ready": False}, {}, BAD, "is no longer ready"),
        ({"ready": False}, {"ready": False}, NO_VERDICT, "is not ready, nor is the old release"),
    ],
)
def test_a_release_is_judged_alone_and_against_the_old_one(
    start: Start, new: Mapping[str, int], old: Mapping[str, int], status: int, because: str
) -> None:
    """Events from before the first reading do not count."""
    release, before = start(**new), start(**old)

    verdict = gate("--new", f"worker={release.url}", "--old", f"worker={before.url}", *HASTE, *A_WHILE)

    assert verdict.status == status, verdict
    assert because in verdict.sentence
    assert bool(verdict.sentence) == (status != GOOD)


@pytest.mark.parametrize("status", [GOOD, BAD, NO_VERDICT])
def test_with_good_processes_the_status_is_the_command_s(start: Start, status: int) -> None:
    """The last line of output and the exit status are those of the command."""
    command = ("sh", "-c", f"sleep 0.2; echo the gate has spoken; exit {status}")

    assert gate("--new", f"worker={start().url}", *HASTE, "--", *command) == (status, "the gate has spoken\n")


def test_without_any_process_there_is_nothing_to_judge() -> None:
    """Hosts may have no worker."""
    assert gate("--new", "--old", *HASTE, *A_WHILE) == (GOOD, "")
    assert gate("--new", "--within", "1") == (GOOD, "")


def test_an_old_release_without_a_worker_is_ignored(start: Start, gone: str) -> None:
    """The release with the first worker is judged alone."""
    words = ("--old", f"worker={gone}", *HASTE)

    assert gate("--new", f"worker={start().url}", *words, *A_WHILE).status == GOOD
    assert gate("--new", f"worker={start(ready=False).url}", *words, *FOR_EVER).status == BAD


def test_one_that_restarts_is_bad_at_once(start: Start) -> None:
    """A new process start time is a crash; the command is ended."""
    worker = start()
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(gate, "--new", f"worker={worker.url}", *HASTE, *FOR_EVER)
        while not worker.answers:
            assert not watching.done()
        worker.started += 1
        verdict = watching.result(20)

    assert verdict == (BAD, f"bad: the worker at {worker.url} has restarted\n")


def test_one_that_does_not_answer_is_bad_at_once(start: Start, gone: str) -> None:
    """Whatever others do."""
    verdict = gate("--new", f"worker={start().url}", f"worker={gone}", *HASTE, *FOR_EVER)

    assert verdict.status == BAD
    assert f"bad: the worker at {gone} does not answer" in verdict.sentence


def test_it_waits_until_each_is_ready(start: Start) -> None:
    """The output names those that were not ready in time."""
    late, ready = start(ready=False), start()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(gate, "--new", f"worker={late.url}", f"worker={ready.url}", "--within", "20", *HASTE)
        while not late.answers:
            assert not waiting.done()
        late.ready = True
        assert waiting.result(20) == (GOOD, "")
    late.ready = False

    verdict = gate("--new", f"worker={late.url}", f"worker={ready.url}", "--within", "0.2", *HASTE)

    assert verdict == (BAD, f"the worker at {late.url} did not become ready within 0.2 s\n")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9901/metrics", "worker=127.0.0.1:9901", "worker=http://a"])
def test_a_wrong_argument_is_named_and_is_no_verdict(address: str) -> None:
    """Exit status 2, before anything is read."""
    verdict = gate("--new", address)

    assert verdict.status == NO_VERDICT
    assert f"'{address}' must be a kind and where its metrics are, such as worker=http://" in verdict.sentence
