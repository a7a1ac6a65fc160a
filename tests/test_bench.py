"""The benchmark: every program of it serves, a short run works from end to end, and what a request costs stays."""

import ast
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from rulebook import ROOT

from bench import instructions, variants
from bench.environments import CACHE, CLIENT, DATABASE, OTHERS, prepare
from bench.interpreter import Interpreter, choose, optimised
from bench.load import Order, run
from bench.machine import cores
from bench.page import others
from bench.report import estimate
from bench.rig import Amounts, Rig
from bench.summary import between_markers
from bench.variants import BARE, BARE_LINK, DATA_PLANE_10, SERVICE_10, Variant

PROGRAMS = ROOT / "bench" / "programs"
PAGE = ROOT / "docs" / "benchmarks.md"
VARIANTS = [each for each in vars(variants).values() if isinstance(each, Variant)]
MARGIN = 1.05  # two counts differ by a fiftieth, when the machine is busy
RUN_SECONDS = 600  # on a busy machine


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """Servers for a few requests."""
    with Rig(prepare(choose(), {*OTHERS, CACHE, CLIENT, DATABASE}), cores(), Amounts(rounds=1, requests=1)) as rig:
        yield rig


def _programs() -> set[str]:
    return {path.stem for path in PROGRAMS.glob("*.py") if "__main__" in path.read_text("utf-8")}


class Slow(BaseHTTPRequestHandler):
    """Answers later than requests are due."""

    protocol_version = "HTTP/1.1"
    paths: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Answer after two intervals of the schedule."""
        self.paths.append(self.path)
        threading.Event().wait(0.002)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_late_requests_keep_their_numbers() -> None:
    """An open loop that is behind sends each request of the schedule once."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever).start()
        answers = run(Order(server.server_port, 40, rate=1000.0, connections=1))
        server.shutdown()

    assert len(answers.latencies) == 40
    assert Slow.paths == [f"/items/{number}" for number in range(40)]


@pytest.mark.parametrize("program", sorted(_programs()))
def test_each_program_starts_and_answers(rig: Rig, program: str) -> None:
    """Those that nothing drives do not start any more one day."""
    used = [variant for variant in VARIANTS if variant.program == program]
    assert used, f"nothing measures {program}"
    with rig.start(used[0]) as server:
        rig.ready(server)
        assert rig.send(server, 3, path=used[0].path).statuses == {"200": 3}


def test_a_short_run_measures_every_part() -> None:
    """But the instructions, which the test of the cost counts."""
    parts = "cpu,api,latency,start,memory,cardinality,scrape,console,generation,database,blog,cache,client"
    command = [sys.executable, "-m", "bench", "--rounds", "1", "--requests", "10", "--only", parts]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=RUN_SECONDS)

    assert done.returncode == 0, done.stderr
    titles = re.findall(r"^## (.*)", done.stdout, re.MULTILINE)
    assert titles[:4] == ["In short", "Targets", "CPU per request", "The example's resource"]
    assert titles[4:-4] == ["Latency", "Start to ready", "Memory", "Cardinality", "Scrape", "Console", "Generation"]
    assert titles[-4:] == ["Database", "Blog", "Cache", "HTTP client"]
    assert all(f"| {variant.title}" in done.stdout for variant in variants.COMPARED)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--only", "cpu"], "--write publishes whole runs only"),
        (["--rounds", "1"], "--write publishes whole runs only"),
        (["--only", "database", "--rounds", "1"], "--write publishes whole runs only"),
        (["--python", "/bin/false"], "/bin/false is no Python 3.11 or later"),
    ],
)
def test_a_part_of_a_run_is_not_published(options: list[str], reason: str) -> None:
    """One sentence, and the page stays."""
    published = PAGE.read_bytes()

    done = subprocess.run(
        [sys.executable, "-m", "bench", "--write", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert reason in done.stderr
    assert PAGE.read_bytes() == published


def test_a_run_of_the_core_keeps_the_other_sections(tmp_path: Path) -> None:
    """In their order, with the dates that they have themselves."""
    published = tmp_path / "page.md"
    kept = "## Cache\n\nkept\n\n## Blog\n\nkept\n"
    published.write_text(f"# A\n\n## In short\n\nold\n\n## Memory\n\nold\n\n{kept}", "utf-8")

    new = "# A\n\n## In short\n\nnew\n\n## Memory\n\nnew\n"

    assert new + others(published, new) == f"{new}\n{kept}"


def test_the_readme_says_what_the_page_says() -> None:
    """Both are written by one run."""
    short = PAGE.read_text("utf-8").partition("## In short")[2].partition("\n## ")[0]

    assert between_markers(ROOT / "README.md") == short.strip()


@pytest.mark.parametrize("build", ["", "--with-pydebug --enable-optimizations"])
def test_a_build_without_optimisations_is_told_from_others(build: str) -> None:
    """By what it says of its own configuration; Debian's says less than it does."""
    said = {"CONFIG_ARGS": f"{build} --enable-shared", "PY_CFLAGS": "-O3", "PY_CORE_CFLAGS": "-O3"}

    assert optimised(said) == ""
    assert optimised({**said, "CONFIG_ARGS": "--enable-optimizations"})
    assert optimised({**said, "CONFIG_ARGS": "--with-wheel-pkg-dir=/usr/share/python-wheels/"})
    assert "without optimisations" in Interpreter("/opt/python", "CPython 3.11", "").described


def test_the_interval_of_a_median_comes_from_the_order() -> None:
    """15 values: from the fourth to the twelfth. Five: all of them, none is sure enough to be left out."""
    found = estimate([float(value) for value in (3, 1, 2, *range(4, 16))])

    assert (found.median, found.low, found.high) == (8, 4, 12)
    assert (estimate([5.0, 1, 2, 3, 4]).low, estimate([5.0, 1, 2, 3, 4]).high) == (1, 5)


def test_both_sides_answer_through_the_same_encoder(rig: Rig) -> None:
    """The bare route answers as the example does: the same class, and as many bytes."""
    emitted = ROOT / "build/bench/generated/acme-links/src/acme_links/api/links/operations.py"
    assert _response_classes(emitted) - {"Response"} == {"JsonResponse"}
    assert "JsonResponse" in _response_classes(PROGRAMS / "answers.py")
    bodies = []
    for variant in (BARE_LINK, SERVICE_10):
        with rig.start(variant) as server:
            bodies.append(rig.ready(server).fetch(variant.path)[1])
    assert len(bodies[0]) == len(bodies[1]), bodies


def _response_classes(path: Path) -> set[str]:
    """The classes of responses that a module imports."""
    imports = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names if alias.name.endswith("Response")}


@pytest.mark.skipif(instructions.missing(), reason=instructions.MISSING)
def test_data_plane_and_service_take_no_more_instructions(rig: Rig) -> None:
    """Than the page says, in times the bare route's, on the event loop: a busy machine changes what others execute."""
    page = PAGE.read_text("utf-8")
    release = found[0] if (found := re.findall(r"CPython \d+\.\d+", page)) else ""
    if not (version := rig.environments.interpreter.version).startswith(f"{release}."):
        pytest.skip(f"the page's figure was counted on {release}, this is {version}")

    compared = {DATA_PLANE_10: BARE, SERVICE_10: BARE_LINK}
    counts = instructions.count(rig, [*compared, *compared.values()])

    for variant, bare in compared.items():
        times = counts[variant].loop / counts[bare].loop
        published = _published_loop(page, variant) / _published_loop(page, bare)
        print(f"{variant.title}: {times:.3f} times bare, published {published:.3f}", counts)
        assert times <= published * MARGIN, variant.title


def _published_loop(page: str, variant: Variant) -> int:
    section = page.partition("## Instructions per request")[2]
    row = next(line for line in section.splitlines() if line.startswith(f"| {variant.title} "))
    return int(row.split("|")[2])


def test_the_cost_of_the_rules_is_measured() -> None:
    """For one service instead of a fleet."""
    command = [sys.executable, "-m", "bench.alerts_scale", "--services", "1", "--usual-services", "1"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=RUN_SECONDS)

    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^all, once +[\d,]+ +[\d.]+ +[\d,]+$", done.stdout, re.MULTILINE)) == 2, done.stdout
