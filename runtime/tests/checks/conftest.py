"""A small service that passes all checks, and a function that breaks it."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from firstlight.checks import Project, dashboards, start
from firstlight.checks.catalogue import CHECKS
from firstlight.checks.finding import Finding

SERVICE = Path(__file__).with_name("service")
SOURCE_SUFFIX = ".txt"  # Python files of the service carry it, so that no tool takes them for tests or for the runtime
PACKAGE = "src/acme_links"

Edit = tuple[str, str | None, str | None]  # file, what to replace (nothing: the whole file), by what (nothing: remove)
Breaks = Callable[[Sequence[Edit], Sequence[str]], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the service, with a manifest of its vendor directory."""
    target = tmp_path / "acme-links"
    for file in SERVICE.rglob("*"):
        if file.is_file():
            copy = target / file.relative_to(SERVICE).as_posix().removesuffix(SOURCE_SUFFIX)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    vendor = target / "vendor/firstlight"
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(vendor)}\n" for f in vendor.rglob("*.*")]
    manifest = "".join(lines)
    (vendor / "MANIFEST.sha256").write_text(manifest)
    with (target / PACKAGE / "service.toml").open("a") as answers:
        checksum = hashlib.sha256(manifest.encode()).hexdigest()
        answers.write(f'\n[runtime]\nversion = "0.1.0"\nmanifest = "{checksum}"\n')
    return target


@pytest.fixture(scope="session")
def starts() -> dict[str, list[start.Start]]:
    """Remembers the settings of a service by its source and environment: the same input gives the same result."""
    return {}


@pytest.fixture(autouse=True)
def _remembered(starts: dict[str, list[start.Start]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the service once for each environment: a start takes a second, and a hundred tests need the same ones."""
    read = start.read

    def remembering(project: Project, environments: Any) -> list[start.Start]:
        settings = project.root / PACKAGE / "settings.py"
        text = settings.read_text() if settings.exists() else None
        key = json.dumps([text, project.service, environments], sort_keys=True)
        if key not in starts:
            starts[key] = read(project, environments)
        return starts[key]

    monkeypatch.setattr(start, "read", remembering)


@pytest.fixture(scope="session")
def pages() -> dict[str, start.Page]:
    """Remembers a page by the whole source: its import takes most of a second."""
    return {}


@pytest.fixture(autouse=True)
def _imported_once(pages: dict[str, start.Page], monkeypatch: pytest.MonkeyPatch) -> None:
    """Import each page once, as above, without coverage: the tests of what it imports measure that."""
    page = start.page

    def remembering(project: Project) -> start.Page:
        source = {str(path.relative_to(project.root)): path.read_bytes().hex() for path in _sources(project)}
        key = json.dumps(source, sort_keys=True)
        if key not in pages:
            with monkeypatch.context() as unmeasured:
                unmeasured.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
                pages[key] = page(project)
        return pages[key]

    monkeypatch.setattr(start, "page", remembering)


@pytest.fixture(scope="session")
def renderings() -> dict[str, list[Finding]]:
    """Remembers what the program of the dashboards says of its folder, which is all that it reads."""
    return {}


@pytest.fixture(autouse=True)
def _rendered_once(renderings: dict[str, list[Finding]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run that program once for each state of the folder, as above."""
    rendered = dashboards._rendered  # noqa: SLF001 - the only part that starts a process

    def remembering(project: Project) -> list[Finding]:
        key = _state(project.root / dashboards.GRAFANA)
        if key not in renderings:
            renderings[key] = list(rendered(project))
        return renderings[key]

    monkeypatch.setattr(dashboards, "_rendered", remembering)


def _state(folder: Path) -> str:
    files = {str(path.relative_to(folder)): path.read_bytes().hex() for path in folder.rglob("*") if path.is_file()}
    return json.dumps(files, sort_keys=True)


def _sources(project: Project) -> list[Path]:
    files = (project.root / "src").rglob("*")
    return [path for path in files if path.is_file() and "__pycache__" not in path.parts]


@pytest.fixture(autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is installed, as in an environment in which `make check` runs."""
    site = tmp_path_factory.mktemp("site")
    metadata = site / "acme_links-0.1.0.dist-info/METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: acme-links\nVersion: 0.1.0\n")
    monkeypatch.setenv("PYTHONPATH", str(site))


@pytest.fixture
def breaks(root: Path) -> Breaks:
    """Make the edits, run every check, and expect these findings and no others.

    A finding is expected as `check: file: part of the sentence`.
    """
    if util.find_spec("firstlight.settings") is None:
        pytest.skip("needs firstlight.settings")

    def breaking(edits: Sequence[Edit], expected: Sequence[str]) -> None:
        for edit in edits:
            _apply(root, edit)
        found = list(_findings(Project.at(root)))
        unexpected = [line for line in found if not any(_fits(line, each) for each in expected)]
        missing = [each for each in expected if not any(_fits(line, each) for line in found)]
        assert (unexpected, missing, len(found)) == ([], [], len(expected)), "\n".join(found)

    return breaking


def _apply(root: Path, edit: Edit) -> None:
    file, old, new = edit
    path = root / file
    if new is None:
        path.unlink()
    elif old is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(new)
    else:
        text = path.read_text()
        assert old in text, f"{file} does not hold {old!r}"
        path.write_text(text.replace(old, new))


def _findings(project: Project) -> Iterator[str]:
    for check in CHECKS:
        for finding in check.findings(project):
            yield f"{check.name}: {finding}"


def _fits(line: str, expected: str) -> bool:
    check, file, part = expected.split(": ", 2)
    return line.startswith(f"{check}: {file}: ") and part in line
