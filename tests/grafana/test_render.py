"""The renderer: the dashboards are those of the specs, and a wrong spec is refused in one sentence."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dashboard_lint import OWN
from dashboards import FILES, GRAFANA, dashboard, panels, queries_of_panel
from public_lint import HELD
from template import ROOT, SERVICE_DIRECTORY, replace

PAGES = [ROOT / SERVICE_DIRECTORY / "README.md", ROOT / "docs/guides/dashboards.md"]
BELOW = """\
      - title: Requests by status
"""
SMALL = """\
uid: firstlight-small
title: Small
description: A spec.
variables: {env: up}
sections:
  - title: Now
    panels:
      - title: Up
        good: all.
        unit: short
        query: up{env="$env"}
"""
TABLE = """\
        kind: table
        labels: {service: Service}
        columns:
          Up: {unit: short, query: up}
"""
# What is written instead of what; the sentence, after the file's name.
WRONG = [
    (SMALL, "", "the dashboard is None; it should be a mapping."),
    (SMALL, "- a\n- b\n", "the dashboard is ['a', 'b']; it should be a mapping."),
    (SMALL, "uid: [\n", "line 2 is not YAML: expected the node content, but found '<stream end>'."),
    (SMALL, "\x07", "is not YAML: unacceptable character #x0007: special characters are not allowed"),
    ("title: Small\ndescription: A spec.\n", "", "the dashboard has no title and no description."),
    ("title: Small", "title: 7", "title of the dashboard is 7; it should be text."),
    ("{env: up}", "[env]", "variables of the dashboard is ['env']; it should be a mapping."),
    ("{env: up}", "{env: [up]}", "env in variables of the dashboard is ['up']; it should be text."),
    ("  - title: Now", "  - Now\n  - title: Now", "a section is 'Now'; it should be a mapping."),
    (
        "    panels:",
        "    columns: 0\n    panels:",
        "columns of section 'Now' is 0; it should be a whole number above 0.",
    ),
    ("      - title: Up", "      - Up\n      - title: Up", "a panel is 'Up'; it should be a mapping."),
    ("        good: all.\n", "", "panel 'Up' has no good."),
    ("- title: Up", "- titel: Up", "a panel has no title."),
    (
        "good: all.",
        "godo: all.\n        good: all.",
        "panel 'Up' has the unknown key godo; known are title, good,",
    ),
    ("        unit: short\n", "", "panel 'Up' has the unit None; known are bytes,"),
    ("unit: short", "unit: clicks", "panel 'Up' has the unit 'clicks'; known are bytes,"),
    ("unit: short", "unit: short\n        kind: pie", "panel 'Up' has the kind 'pie'; known are timeseries,"),
    ("unit: short", "unit: short\n        stack: 1", "stack of panel 'Up' is 1; it should be true or false."),
    ("unit: short", "unit: short\n        thresholds: {1: pink}", "panel 'Up' has the colour 'pink'; known are green,"),
    (
        "unit: short",
        "unit: short\n        thresholds: {red: 1}",
        "panel 'Up' has the threshold 'red', which is no number.",
    ),
    ('        query: up{env="$env"}\n', "", "panel 'Up' needs one of query, queries and columns, and has none."),
    (
        "good: all.",
        "good: all.\n        queries: {a: up}",
        "needs one of query, queries and columns, and has query and",
    ),
    (
        "unit: short",
        "unit: short\n        kind: table",
        "panel 'Up' must have all of kind: table, columns and labels, or",
    ),
    (
        '        unit: short\n        query: up{env="$env"}\n',
        TABLE.replace("short", "x"),
        "panel 'Up', column 'Up' has the unit",
    ),
    (
        '        unit: short\n        query: up{env="$env"}\n',
        TABLE.replace("unit: short, ", ""),
        "column 'Up' has no unit.",
    ),
]


@pytest.fixture
def grafana(tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(GRAFANA, tmp_path / "grafana"))


def render(grafana: Path, *options: str) -> tuple[int, str]:
    """Run it from somewhere else: exit status, and all that it said."""
    command = [sys.executable, str(grafana / "render.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=grafana.parent)
    return done.returncode, done.stdout + done.stderr


def contents(grafana: Path) -> dict[str, str]:
    """Every dashboard as it is written."""
    return {file.name: file.read_text("utf-8") for file in (grafana / "dashboards").glob("*.json")}


def test_every_dashboard_is_what_its_spec_says(grafana: Path) -> None:
    """To the byte, and there is one for each."""
    assert render(GRAFANA, "--check") == (0, "")
    assert [file.stem for file in FILES] == sorted(file.stem for file in GRAFANA.glob("specs/*"))
    committed = contents(grafana)
    shutil.rmtree(grafana / "dashboards")
    assert render(grafana) == (0, "")
    assert contents(grafana) == committed


def test_a_dashboard_that_is_not_is_named(grafana: Path) -> None:
    """One that was edited by hand, and one that is not there."""
    replace(grafana / "dashboards/slo.json", '"SLO"', '"SLOs"')
    (grafana / "dashboards/fleet.json").unlink()
    before = contents(grafana)
    sentence = "Dashboards out of date, run render.py: fleet.json, slo.json.\n"
    assert render(grafana, "--check") == (1, sentence)
    assert contents(grafana) == before


@pytest.mark.parametrize(("old", "new", "sentence"), WRONG, ids=[sentence for _, _, sentence in WRONG])
def test_a_wrong_spec_is_refused_in_one_sentence(grafana: Path, old: str, new: str, sentence: str) -> None:
    """Before anything is written."""
    before = contents(grafana)
    (grafana / "specs/small.yml").write_text(SMALL, "utf-8")
    replace(grafana / "specs/small.yml", old, new)
    status, said = render(grafana)
    assert status == 1
    assert said.startswith("small.yml")
    assert sentence in said
    assert said.count("\n") == 1
    assert contents(grafana) == before


def test_the_small_spec_is_right(grafana: Path) -> None:
    """So each of the above was refused for its one fault."""
    (grafana / "specs/small.yml").write_text(SMALL, "utf-8")
    assert render(grafana) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_panel_is_four_lines(grafana: Path, page: Path) -> None:
    """Those that the documentation shows; it keeps every rule, and the panels after it move."""
    (lines,) = re.findall(r"^ {6}- title: .*\n(?:^ {8}.*\n)+", page.read_text("utf-8"), re.MULTILINE)
    assert lines.count("\n") == 4
    replace(grafana / "specs/service.yml", BELOW, lines + BELOW)
    assert render(grafana) == (0, "")
    changed = dashboard(grafana / "dashboards/service.json")
    (added,) = (panel for panel in panels(changed) if panel["title"] == "Links created")
    assert added["gridPos"]["w"] == 12  # four panels are two lines of two
    assert [query.unit for query in queries_of_panel(added)] == ["reqps"]
    assert {name: found for name, rule in (HELD | OWN).items() if (found := list(rule(changed)))} == {}


def test_an_unknown_option_writes_nothing(grafana: Path) -> None:
    """With a misspelt `--check`, no dashboard is written."""
    replace(grafana / "dashboards/slo.json", '"SLO"', '"SLOs"')
    status, _ = render(grafana, "--chekc")
    assert status == 2
    assert json.loads(contents(grafana)["slo.json"])["title"] == "SLOs"
