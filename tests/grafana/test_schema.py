"""Every dashboard is of the types that Grafana publishes for its own, as TypeScript sees them."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dashboards import FILES, Json, dashboard

pytestmark = pytest.mark.slow

SCHEMA = Path(__file__).with_name("schema")
SOURCE = 'import type {{ Ours }} from "./dashboard";\nexport const {name}: Ours = {contents};\n'
# What the Service dashboard has, and what it would be wrong to have instead.
WRONG = {
    "a_text_for_a_number": ('"schemaVersion": 41', '"schemaVersion": "41"'),
    "a_place_without_width": ('"w": 4, ', ""),
    "an_unknown_kind_of_panel": ('"type": "timeseries"', '"type": "graph"'),
    "an_unknown_option": ('"graphMode": "none"', '"graphMode": "none", "sparkline": true'),
    "an_unknown_word": ('"displayMode": "list"', '"displayMode": "liste"'),
    "an_unknown_drawing": ('"showPoints": "never"', '"showPoints": "no"'),
    "a_misspelt_field": ('"graphTooltip"', '"graphTooltips"'),
    "a_query_without_a_name": ('"refId": "A", ', ""),
    "marks_without_a_query": ('"titleFormat"', '"title"'),
    "a_threshold_without_a_colour": ('"value": 0.75, "color": "orange"', '"value": 0.75'),
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grafana's types and TypeScript, as the lock says."""
    directory = Path(shutil.copytree(SCHEMA, tmp_path_factory.mktemp("types") / "schema"))
    done = subprocess.run(["npm", "ci"], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return directory


def refused(packages: Path, subjects: Mapping[str, Json]) -> dict[str, str]:
    """What TypeScript says about each of these dashboards; nothing about one that is right."""
    for name, of in subjects.items():
        (packages / f"{name}.ts").write_text(SOURCE.format(name=name, contents=json.dumps(of)), "utf-8")
    done = subprocess.run(["npx", "tsc"], cwd=packages, capture_output=True, text=True, check=False)
    for name in subjects:
        (packages / f"{name}.ts").unlink()
    complaints = re.findall(r"^(\w+)\.ts\(.*?: error (.+)$", done.stdout, re.MULTILINE)
    assert (done.returncode == 0) is not bool(complaints), done.stdout
    return dict(complaints)


def test_every_dashboard_is_of_grafana_s_types(packages: Path) -> None:
    """Down to the options of each kind of panel."""
    assert refused(packages, {file.stem: dashboard(file) for file in FILES}) == {}


def test_the_types_tell_what_is_wrong(packages: Path) -> None:
    """One mistake at a time."""
    right = json.dumps(dashboard(next(file for file in FILES if file.stem == "service")))
    assert [name for name, (old, _) in WRONG.items() if old not in right] == []
    subjects: dict[str, Any] = {name: json.loads(right.replace(old, new, 1)) for name, (old, new) in WRONG.items()}
    assert refused(packages, subjects).keys() == WRONG.keys()


def test_the_lock_names_versions_and_no_place() -> None:
    """The lock works with any npm registry."""
    packages = json.loads((SCHEMA / "package-lock.json").read_text("utf-8"))["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
