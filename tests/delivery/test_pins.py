"""One list of pins: every pipeline of this repository and of a service uses it, and nothing in it is unused."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Generate
from template import EVERYTHING, ROOT

from ci.repin import NEEDS, PLACES, USES, pinned_files, pins

ANY_ACTION = re.compile(r"^\s*-?\s*uses:\s*(\S.*)$", re.MULTILINE)
VERSION = re.compile(r"v\d+\.\d+\.\d+")
COMMIT = re.compile(r"[0-9a-f]{40}")


def texts(root: Path = ROOT) -> dict[str, str]:
    """Read every file that may name an action or a tool."""
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in pinned_files(root)}


def uses(text: str) -> list[str]:
    """List what a text uses from other repositories, comment included."""
    return [line for line in ANY_ACTION.findall(text) if not line.startswith("$/")]


def listed() -> set[str]:
    """Write the list the way pipelines have to."""
    return {f"{name}@{pin['commit']} # {pin['version']}" for name, pin in pins()["actions"].items()}


def test_the_list_names_versions_and_whole_commits() -> None:
    """A short commit could be another one tomorrow."""
    for name, pin in pins()["actions"].items():
        assert COMMIT.fullmatch(pin["commit"]), name
        assert VERSION.fullmatch(pin["version"]), name


def test_every_pipeline_uses_what_is_listed_and_all_of_it() -> None:
    """Another commit, a tag, a missing version or an action nobody listed is a difference; so is a pin nobody uses."""
    assert {use for text in texts().values() for use in uses(text)} == listed()


def test_every_tool_is_pinned_as_listed() -> None:
    """The hooks of this repository, the hooks of a service and the scripts."""
    named = {match.group("name", "version") for text in texts().values() for match in NEEDS.finditer(text)}
    assert named == set(pins()["tools"].items())


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_a_service_gets_the_same_pins(generate: Generate, ci: str) -> None:
    """Whatever way a file takes into a service, its pins are the listed ones."""
    service = generate(**EVERYTHING, ci=ci)
    files = [path for path in service.rglob("*") if path.suffix in {".yml", ".yaml", ".sh"}]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert set(uses(text)) <= listed()
    tools = pins()["tools"]
    assert {
        match["name"]: match["version"] for match in NEEDS.finditer(text) if match["name"] in tools
    }.items() <= tools.items()
    assert "$/ci" not in text


def test_repin_makes_every_file_agree(tmp_path: Path) -> None:
    """A change in the list, or in one folder of pipelines, reaches the rest by one command."""
    copy = tmp_path / "copy"
    for place in PLACES:
        for path in ROOT.glob(place):
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    for name in ("__init__.py", "repin.py", "pins.yaml"):
        shutil.copy(ROOT / "ci" / name, copy / "ci" / name)
    before = texts(copy)
    moved = "f" * 40
    workflow = copy / ".github/workflows/ci.yml"
    checkout = pins()["actions"]["actions/checkout"]
    bumped = f"actions/checkout@{moved} # v99.0.0"
    workflow.write_text(re.sub(r"actions/checkout@.*", bumped, before[".github/workflows/ci.yml"]), encoding="utf-8")
    pinned = copy / "ci/pins.yaml"
    pinned.write_text(re.sub(r"(?<=zizmor: ).*", "99.1.0", pinned.read_text(encoding="utf-8")), encoding="utf-8")

    subprocess.run([sys.executable, "-m", "ci.repin", ".github/workflows"], cwd=copy, check=True, capture_output=True)

    was = f"actions/checkout@{checkout['commit']} # {checkout['version']}"
    tool = f"zizmor=={pins()['tools']['zizmor']}"
    assert texts(copy) == {
        name: text.replace(was, bumped).replace(tool, "zizmor==99.1.0") for name, text in before.items()
    }
    assert f"actions/checkout: {{ version: v99.0.0, commit: {moved} }}" in pinned.read_text(encoding="utf-8")
    assert any(USES.search(text) for text in texts(copy).values())
