"""The tools that the tests of dashboards need. CI installs them; elsewhere, tests without their tool are skipped."""

import os
import shutil
from collections.abc import Iterator

import pytest
from live import PROMETHEUS_3

HOW_TO_GET = ".ci/beside forky .tools/prometheus-3 prometheus prometheus-alertmanager"
# Test module: the commands it runs, any spelling of each, and how to get them.
COMMANDS: dict[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "test_live": (
        (("prometheus",), ("prometheus-alertmanager", "alertmanager")),
        "apt-get install prometheus prometheus-alertmanager",
    ),
    "test_database": ((("prometheus",),), "apt-get install prometheus"),
    "test_schema": ((("npm",),), "apt-get install npm, or Node.js 18 or newer"),
}


@pytest.fixture(autouse=True, scope="module")
def _tools(request: pytest.FixtureRequest) -> None:
    """Skip outside CI, and say how to get what is missing."""
    needed, source = COMMANDS.get(request.path.stem, ((), ""))
    missing = [names[0] for names in needed if not any(map(shutil.which, names))]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {', '.join(missing)}: {source}")


@pytest.fixture(scope="module", params=["installed", "next"])
def _programs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Prometheus and Alertmanager, once as installed and once as of Prometheus 3, which the stand-alone stack has."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "next":
            patch.setenv("PATH", str(PROMETHEUS_3), prepend=os.pathsep)
            if not PROMETHEUS_3.exists() and not os.environ.get("CI"):
                pytest.skip(f"needs Prometheus 3: {HOW_TO_GET}")
            assert PROMETHEUS_3.exists(), HOW_TO_GET
        yield
