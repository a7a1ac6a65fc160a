"""Keep the pinned actions and tools of every pipeline equal to `ci/pins.yaml`: `python -m ci.repin [folder]`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import yaml

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "ci/pins.yaml"
PLACES = (
    "ci/**/*.yml",
    "ci/**/*.sh",
    ".github/**/*.yml",
    ".pre-commit-config.yaml",
    "*/.pre-commit-config.yaml",
    "Makefile",
    "{{cookiecutter.project_slug}}/Makefile",
)

USES = re.compile(r"(?P<key>uses: )(?P<name>[\w.-]+/[\w./-]+)@(?P<commit>[^\s#]+)(?: # (?P<version>\S+))?")
NEEDS = re.compile(r"(?P<name>[a-z][a-z0-9-]+)==(?P<version>[\w.]+)")


class Pin(TypedDict):
    """The version and the commit of an action."""

    version: str
    commit: str


class Pins(TypedDict):
    """The content of `ci/pins.yaml`."""

    actions: dict[str, Pin]
    tools: dict[str, str]


def pins() -> Pins:
    """Read `ci/pins.yaml`."""
    read: Pins = yaml.safe_load(PINS.read_text(encoding="utf-8"))
    return read


def pinned_files(root: Path = ROOT) -> Iterator[Path]:
    """Find every file of a repository that may name an action or a tool."""
    for place in PLACES:
        yield from root.glob(place)


def repinned(text: str, known: Pins) -> str:
    """Replace the pins in a text. Actions and tools that are not in `ci/pins.yaml` stay unchanged."""

    def use(match: re.Match[str]) -> str:
        pin = known["actions"].get(match["name"])
        return f"{match['key']}{match['name']}@{pin['commit']} # {pin['version']}" if pin else match[0]

    def need(match: re.Match[str]) -> str:
        return f"{match['name']}=={known['tools'].get(match['name'], match['version'])}"

    return NEEDS.sub(need, USES.sub(use, text))


def adopt(text: str) -> None:
    """Copy the pins of a text into `ci/pins.yaml`."""
    known = PINS.read_text(encoding="utf-8")
    for name, commit, version in (match.group("name", "commit", "version") for match in USES.finditer(text)):
        line = re.compile(rf"^  {re.escape(name)}: .*$", re.MULTILINE)
        known = line.sub(f"  {name}: {{ version: {version}, commit: {commit} }}", known)
    PINS.write_text(known, encoding="utf-8")


def main() -> None:
    """Copy the pins of a folder, if one is given, into `ci/pins.yaml`; then update every file."""
    for folder in map(Path, sys.argv[1:]):
        for path in folder.rglob("*.yml"):
            adopt(path.read_text(encoding="utf-8"))
    for path in pinned_files():
        before = path.read_text(encoding="utf-8")
        after = repinned(before, pins())
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"repinned {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
