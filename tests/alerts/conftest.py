"""The tools that the tests of alerts need. CI installs them; elsewhere, tests without their tool are skipped."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import FIGURE
from live import (
    ALERTMANAGER,
    AMTOOL,
    AT_ONCE,
    PROMETHEUS,
    PROMETHEUS_3,
    PROMTOOL,
    Alertmanager,
    Inbox,
    found,
    listening,
)
from live import alertmanager as run_alertmanager

# Where the programs are, for each major version of Prometheus that fleets run, and how they get there.
RELEASES = {
    "Prometheus 2": (None, "apt-get install prometheus prometheus-alertmanager"),
    "Prometheus 3": (
        PROMETHEUS_3,
        ".ci/beside forky .tools/prometheus-3 prometheus promtool prometheus-alertmanager",
    ),
}


def need(release: str) -> Path | None:
    """The directory of a release's programs. Skips the test outside CI when one is missing, and says how to get it."""
    directory, how_to_get = RELEASES[release]
    missing = [names[0] for names in (PROMETHEUS, PROMTOOL, ALERTMANAGER, AMTOOL) if not found(names, directory)]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {', '.join(missing)} of {release}: {how_to_get}")
    assert not missing, f"no {', '.join(missing)} of {release}: {how_to_get}"
    return directory


@pytest.fixture(scope="session")
def installed() -> None:
    """Need the installed programs."""
    need("Prometheus 2")


@pytest.fixture(scope="session")
def both() -> None:
    """Need the programs of every release at once."""
    for release in RELEASES:
        need(release)


@pytest.fixture(params=RELEASES, scope="module")
def programs(request: pytest.FixtureRequest) -> Path | None:
    """The directory of the programs, for one release after the other."""
    return need(request.param)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Listen for notifications."""
    with listening() as box:
        yield box


@pytest.fixture
def alertmanager(inbox: Inbox, tmp_path: Path, programs: Path | None) -> Iterator[Alertmanager]:
    """Run Alertmanager with the shipped configuration and short waits."""
    with run_alertmanager(tmp_path, inbox, AT_ONCE, programs) as server:
        yield server


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Record a measurement, which is printed at the end of the run, also when all tests pass."""
    return lambda text: record_property(FIGURE, text)
