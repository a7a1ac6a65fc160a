"""What `make preview` relies on, without its minutes of traffic: words, tools, packages, and the pictures it made."""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from template import Machine

from preview import dashboards
from preview.errors import UnfitError

WEB = dashboards.MAPPING.parent
WIDTH = 1600
MOST_BYTES = 400_000


def preview(machine: Machine, template: Path, **environment: str) -> tuple[int, str]:
    """Run the command in the template's directory: exit status and everything that was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "preview"],
        cwd=template,
        env={**machine.environment(), "PYTHONPATH": "tests", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("dashboard", dashboards.PICTURES, ids=lambda path: path.stem)
def test_the_page_draws_every_panel(dashboard: Path) -> None:
    """Every type and unit in the dashboards is in the page's mapping."""
    assert json.loads(dashboard.read_text(encoding="utf-8"))["panels"]
    dashboards.check(dashboard)


@pytest.mark.parametrize(
    ("panel", "complaint"),
    [
        ({"type": "piechart"}, 'has the type "piechart"'),
        ({"type": "stat", "fieldConfig": {"defaults": {"unit": "furlongs"}, "overrides": []}}, 'the unit "furlongs"'),
        (
            {
                "type": "table",
                "fieldConfig": {
                    "defaults": {},
                    "overrides": [{"properties": [{"id": "unit", "value": "furlongs"}]}],
                },
            },
            'the unit "furlongs"',
        ),
    ],
)
def test_what_the_page_cannot_draw_is_refused(tmp_path: Path, panel: dict[str, object], complaint: str) -> None:
    """In one sentence, before anything is started."""
    dashboard = tmp_path / "odd.json"
    dashboard.write_text(json.dumps({"panels": [{"title": "Odd one", **panel}]}), encoding="utf-8")
    with pytest.raises(UnfitError, match=rf'^Panel "Odd one" of odd\.json .*{complaint}, which mapping\.json lacks\.$'):
        dashboards.check(dashboard)


def test_every_panel_type_has_its_component() -> None:
    """The names in the mapping are names in the page's table of components."""
    source = (WEB / "panels.tsx").read_text(encoding="utf-8")
    table = re.search(r"^const COMPONENTS: .*?^};", source, re.MULTILINE | re.DOTALL)
    assert table is not None
    components = re.findall(r"^  (\w+)[:,]", table[0], re.MULTILINE)
    assert set(json.loads(dashboards.MAPPING.read_text(encoding="utf-8"))["panels"].values()) == set(components)


def test_missing_tools_are_named_with_the_way_to_get_them(machine: Machine, template: Path, tmp_path: Path) -> None:
    """All of them at once, with exit status 2 and nothing built."""
    status, said = preview(machine, template, PATH=str(tmp_path))
    assert status == 2
    assert said == (
        "The preview needs prometheus (apt-get install prometheus), npm (apt-get install npm, or Node.js 18 or newer), "
        "chromium (apt-get install chromium)."
    )
    assert not (template / "build" / "preview").exists()


def test_a_bad_duration_is_refused(machine: Machine, template: Path) -> None:
    """Before anything is looked for."""
    assert preview(machine, template, DURATION="soon") == (
        2,
        "DURATION must be a number of seconds, such as 900, not 'soon'.",
    )


def test_the_lock_names_versions_and_no_place() -> None:
    """The lock works with any npm registry."""
    packages = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


@pytest.mark.parametrize("picture", dashboards.PICTURES.values(), ids=lambda path: path.stem)
def test_the_pictures_are_in_the_readme(picture: Path) -> None:
    """Readable, and small enough for a page."""
    contents = picture.read_bytes()
    assert contents[:8] == b"\x89PNG\r\n\x1a\n"
    (width,) = struct.unpack(">I", contents[16:20])
    assert width == WIDTH
    assert len(contents) < MOST_BYTES
    readme = (dashboards.ROOT / "README.md").read_text(encoding="utf-8")
    assert f"]({picture.relative_to(dashboards.ROOT).as_posix()})" in readme
