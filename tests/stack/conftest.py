"""The programs that the stack is proved with, once as installed and once as of Prometheus 3; the emitted service."""

import os
import shutil
from pathlib import Path

import pytest
from conftest import Generate
from template import EVERYTHING, ROOT

PROMETHEUS_3 = ROOT / ".tools/prometheus-3"
PACKAGES = "prometheus promtool prometheus-alertmanager"
HOW_TO_GET = {
    "installed": "apt-get install prometheus prometheus-alertmanager",
    "next": f".ci/beside forky {PROMETHEUS_3.relative_to(ROOT)} {PACKAGES}",
}
# A program's name in its image: its names elsewhere.
PROGRAMS = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "amtool": ("amtool",),
}


@pytest.fixture(params=HOW_TO_GET)
def programs(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory that holds the programs under the names they have in their images."""
    where = str(PROMETHEUS_3 / "usr/bin") if request.param == "next" else None
    directory = tmp_path / "programs"
    directory.mkdir()
    for name, names in PROGRAMS.items():
        found = next((path for each in names if (path := shutil.which(each, path=where))), None)
        if found is None and not os.environ.get("CI"):
            pytest.skip(f"needs {name}: {HOW_TO_GET[request.param]}")
        assert found, f"no {name}: {HOW_TO_GET[request.param]}"
        (directory / name).symlink_to(found)
    return directory


@pytest.fixture
def service(generate: Generate) -> Path:
    """Generate a service with everything."""
    return generate(**EVERYTHING)
