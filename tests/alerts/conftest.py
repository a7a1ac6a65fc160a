"""The tools that the alerts are proved with. CI installs them; elsewhere a test that misses one is skipped by name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FIGURE
from live import ALERTMANAGER, AMTOOL, PROMETHEUS, PROMETHEUS_3, PROMTOOL, found

# Where the programs are, for each major version of Prometheus that fleets run, and how they get there.
RELEASES = {
    "Prometheus 2": (None, "apt-get install prometheus prometheus-alertmanager"),
    "Prometheus 3": (
        PROMETHEUS_3,
        ".ci/beside forky .tools/prometheus-3 prometheus promtool prometheus-alertmanager",
    ),
}


def need(release: str) -> Path | None:
    """Where the programs of a release are. Skips outside CI, and says how to get what is missing."""
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
    """Where the programs are, of one release after the other."""
    return need(request.param)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Note what was measured. It is said at the end of the run, when all is well, too."""
    return lambda text: record_property(FIGURE, text)
