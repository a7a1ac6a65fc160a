"""Every supported combination passes its own gates, run as its owners would run them."""

import json
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import pytest
from template import EVERYTHING, Machine

from generator.components import COMPONENTS
from generator.taken_names import DISTRIBUTIONS

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


@pytest.mark.slow
@pytest.mark.parametrize("answers", COMBINATIONS.values(), ids=COMBINATIONS)
def test_a_service_passes_its_own_gates(machine: Machine, template: Path, answers: dict[str, str]) -> None:
    """Style, types and tests are clean before the first line is written by hand."""
    service = machine.cookiecutter(template, answers).service
    for target in ("check", "test"):
        start = time.perf_counter()
        done = machine.run(["make", target], service)
        print(f"make {target}: {time.perf_counter() - start:.0f} s")
        assert done.status == 0, f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}"
    assert list(machine.directory.rglob("pwned")) == []
    locked = {package["name"] for package in tomllib.loads((service / "uv.lock").read_text("utf-8"))["package"]}
    assert locked - {service.name} - DISTRIBUTIONS <= NOT_ON_A_SERVER


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
