"""The dashboards of this repository are what their specs say, and read what this service exports."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from ..test_contract import PROJECT
from .test_alerts import OTHERS, RECORDED, exported, read_by

GRAFANA = PROJECT / "ops/grafana"

DASHBOARDS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text()) for file in sorted(GRAFANA.glob("dashboards/*.json"))
}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]


def test_are_what_their_specs_say() -> None:
    """Otherwise `make dashboards` writes them anew."""
    command = [sys.executable, str(GRAFANA / "render.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert (done.returncode, done.stderr) == (0, "")


def test_are_told_apart() -> None:
    """Grafana loads none of those that share a uid or a title."""
    for key in ("uid", "title"):
        assert len({dashboard[key] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_reads_what_is_exported_or_recorded(panel: dict[str, Any]) -> None:
    """A query of something else stays empty, which looks like peace."""
    known = exported() | RECORDED
    queries = [re.sub(r"\$__(rate_)?interval", "5m", target["expr"]) for target in panel["targets"]]
    read = {name for query in queries for name in read_by(query) if name}
    assert [name for name in read if name not in known and not OTHERS.fullmatch(name)] == []


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_is_good(panel: dict[str, Any]) -> None:
    """And its links to other dashboards lead somewhere."""
    assert "Good: " in panel["description"]
    pages = re.findall(r'"/d/([\w-]+)', json.dumps(panel))
    assert set(pages) <= {dashboard["uid"] for dashboard in DASHBOARDS.values()}
