"""The tools that the alerts are proved with. CI installs them; elsewhere a test that misses one is skipped by name."""

import os
import shutil

import pytest

# Test module: the commands it runs, any spelling of each.
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "test_rules": (("promtool",),),
    "test_notifications": (("amtool",),),
    "test_routing": (("amtool",),),
    "test_alertmanager": (("prometheus-alertmanager", "alertmanager"),),
    "test_live": (("prometheus",), ("prometheus-alertmanager", "alertmanager")),
}


@pytest.fixture(autouse=True)
def _tools(request: pytest.FixtureRequest) -> None:
    """Skip outside CI, and say how to get what is missing."""
    needed = COMMANDS.get(request.path.stem, ())
    missing = [names[0] for names in needed if not any(map(shutil.which, names))]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {', '.join(missing)}: apt-get install prometheus prometheus-alertmanager")
