"""Generated services pass `make check` and `make test`, for every supported combination."""

import json
import re
import shutil
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import pytest
from conftest import Generate
from template import EVERYTHING, Machine, Outcome

from generator.components import COMPONENTS
from generator.taken_names import DISTRIBUTIONS

MOST_TEST_LINES = 700
MOST_TEST_SECONDS = 15  # of `make test`, installed, on two quiet cores
BUSY = 3  # how much longer it may take on cores that are not quiet
# Locked for running in a browser, never installed on a server.
NOT_ON_A_SERVER = {"httpx2-jsfetch"}
STRANGE_TEXT = "\"quotes\" 'too' \\ {{ 7*7 }} {% x %} $(touch pwned) # : - 🚀\nsecond line \x7f"
COMBINATIONS: dict[str, dict[str, str]] = {
    "no component": {},
    "everything": EVERYTHING,
    "strange answers, long names, other objectives": {
        "project_name": f"Shop {STRANGE_TEXT}",
        "project_slug": "b" * 40,
        "package_name": "a" * 40,
        "description": STRANGE_TEXT,
        "owner": STRANGE_TEXT,
        "slo_availability": "0.95",
        "slo_latency_ms": "1000",
        "ci": "none",
        "license": "Proprietary",
    },
    # With one component, "everything" is that component alone.
    **({f"only {name}": {"components": name} for name in COMPONENTS} if len(COMPONENTS) > 1 else {}),
}
GATES = [
    pytest.param(answers, id=name, marks=[pytest.mark.long] if name.startswith("only ") else [])
    for name, answers in COMBINATIONS.items()
]


@pytest.mark.slow
@pytest.mark.parametrize("answers", GATES)
def test_a_service_passes_its_own_gates(machine: Machine, template: Path, answers: dict[str, str]) -> None:
    """Style, types and tests are clean before the first line is written by hand."""
    service = machine.cookiecutter(template, answers).service
    seconds = {}
    for target in ("check", "test"):  # the first one also installs
        start = time.perf_counter()
        succeeded(machine.run(["make", target], service))
        seconds[target] = time.perf_counter() - start
        print(f"make {target}: {seconds[target]:.0f} s")
    assert seconds["test"] <= MOST_TEST_SECONDS * BUSY
    assert list(machine.directory.rglob("pwned")) == []
    locked = {package["name"] for package in tomllib.loads((service / "uv.lock").read_text("utf-8"))["package"]}
    assert locked - {service.name} - DISTRIBUTIONS <= NOT_ON_A_SERVER


def succeeded(outcome: Outcome) -> None:
    """Show what a command said when it failed."""
    assert outcome.status == 0, f"{outcome.stdout[-8000:]}\n{outcome.stderr[-4000:]}"


def test_the_tests_of_a_service_are_about_the_service(generate: Generate) -> None:
    """The runtime's tests are not emitted, and there are few files."""
    tests = (generate(**EVERYTHING) / "tests").rglob("*.py")
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in tests)
    print(f"tests of a service: {lines} lines of at most {MOST_TEST_LINES}")
    assert 0 < lines <= MOST_TEST_LINES


@pytest.mark.slow
def test_coverage_measures_the_team_s_code_only(machine: Machine, template: Path) -> None:
    """A function that no test calls fails `make test`; the platform's library is not in the report."""
    service = machine.cookiecutter(template).service
    command = ["make", "test", "ARGS=--cov --cov-report=json:coverage.json --cov-report=term"]
    succeeded(machine.run(command, service))
    before = covered(service)

    body = "".join(f"    print({number})\n" for number in range(20))
    (service / "src/acme_links/api/links/untested.py").write_text(f"def untested() -> None:\n{body}", encoding="utf-8")
    done = machine.run(command, service)

    assert done.status != 0
    assert re.search(r"^src/acme_links/api/links/untested\.py +\d+ +21 ", done.stdout, re.MULTILINE), done.stdout
    assert covered(service) < before


def covered(service: Path) -> float:
    """The coverage of the last run. Everything in its report is the team's."""
    report = json.loads((service / "coverage.json").read_text(encoding="utf-8"))
    assert report["files"]
    assert [file for file in report["files"] if not file.startswith("src/acme_links/")] == []
    return float(report["totals"]["percent_covered"])


@pytest.mark.slow
def test_what_is_done_to_the_library_is_named(machine: Machine, template: Path) -> None:
    """A file that was edited, one that is missing and one too many: all in one run of `make check`."""
    service = machine.cookiecutter(template).service
    library = service / "vendor/firstlight/src/firstlight"
    with (library / "slo.py").open("a", encoding="utf-8") as file:
        file.write("# ours\n")
    (library / "server/command.py").unlink()
    (library / "ours.py").write_text('"""Ours."""\n', encoding="utf-8")

    done = machine.run(["make", "check"], service)

    assert done.status != 0
    assert re.search(r"vendor/firstlight/src/firstlight/slo\.py:? was edited", done.stdout), done.stdout
    assert re.search(r"vendor/firstlight/src/firstlight/server/command\.py:? is missing", done.stdout), done.stdout
    assert re.search(r"vendor/firstlight/src/firstlight/ours\.py:? is not part of", done.stdout), done.stdout
    assert "3 findings" in done.stdout


@pytest.mark.slow
def test_the_example_can_be_deleted(machine: Machine, template: Path) -> None:
    """As the README says: its folder, its tests and its lines. What is left passes the same gates."""
    service = machine.cookiecutter(template, EVERYTHING).service
    package = service / "src/acme_links"
    for folder in (package / "api/links", service / "tests/api/links"):
        shutil.rmtree(folder)
    (package / "api/versions.py").unlink()
    for migration in ("v0002_links", "v0003_write_behind"):
        (package / "migrations" / f"{migration}.py").unlink()
    for page, mention in (("service.py", r"\blinks\b"), ("metrics.py", "LINKS_")):
        lines = (package / page).read_text(encoding="utf-8").splitlines(keepends=True)
        (package / page).write_text("".join(line for line in lines if not re.search(mention, line)), encoding="utf-8")
    contract = service / "contract/acme-links.toml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(re.sub(r"\n\[metrics\.links_\w+\]\n(?:[^\[\n].*\n)*", "", text), encoding="utf-8")
    assert "links_" not in contract.read_text(encoding="utf-8")

    for target in ("openapi", "fmt", "check", "test"):
        succeeded(machine.run(["make", target], service))


@pytest.mark.slow
def test_a_started_service_stops_when_make_is_told_to(machine: Machine, template: Path) -> None:
    """`make run` hands signals on: the service drains, and says so last."""
    service = machine.cookiecutter(template).service
    log = machine.directory / "log"
    settings = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            ["make", "run"], cwd=service, env=machine.environment() | settings, stdout=output, start_new_session=True
        ) as make,
    ):
        wait_for(log, "service.started")
        make.send_signal(signal.SIGTERM)
        wait_for(log, "service.stopped")
        make.wait(timeout=30)


def wait_for(log: Path, event: str) -> None:
    """Wait until the service has logged an event."""
    deadline = time.monotonic() + 120
    while event not in events(log):
        assert time.monotonic() < deadline, f"no {event} in {log.read_text(encoding='utf-8')}"


def events(log: Path) -> list[str]:
    """Read the events a service has logged so far."""
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line)["event"] for line in lines if line.startswith("{") and line.endswith("\n")]
