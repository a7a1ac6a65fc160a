"""The tools that the tests of dashboards need. CI installs them; elsewhere, tests without their tool are skipped."""

import os
import shutil

import pytest

# Test module: the commands it runs, any spelling of each, and how to get them.
COMMANDS: dict[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "test_live": (
        (("prometheus",), ("prometheus-alertmanager", "alertmanager")),
        "apt-get install prometheus prometheus-alertmanager",
    ),
    "test_schema": ((("npm",),), "apt-get install npm, or Node.js 18 or newer"),
}


@pytest.fixture(autouse=True, scope="module")
def _tools(request: pytest.FixtureRequest) -> None:
    """Skip outside CI, and say how to get what is missing."""
    needed, source = COMMANDS.get(request.path.stem, ((), ""))
    missing = [names[0] for names in needed if not any(map(shutil.which, names))]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {', '.join(missing)}: {source}")
