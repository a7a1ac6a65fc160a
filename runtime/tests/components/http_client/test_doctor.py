"""The doctor compares the timeouts that the page and the environment of a service set."""

from pathlib import Path

import pytest

from firstlight.checks import Project
from firstlight.doctor.servers import ask

from ...conftest import FAULTS

SERVICE = FAULTS.parent / "checks/service/src/acme_links"
PAGE = "src/acme_links/service.py"
HTTP_CLIENT = {"components": ["http_client"]}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A service of which only the source is read."""
    for file in SERVICE.rglob("*"):
        if file.is_file():
            copy = tmp_path / "src/acme_links" / file.relative_to(SERVICE).as_posix().removesuffix(".txt")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    installed = tmp_path / "src/acme_links-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.4\nName: acme-links\nVersion: 0.1.0\n", encoding="utf-8")
    return Project(root=tmp_path, package="acme_links", slug="acme_links", service=HTTP_CLIENT, pyproject={})


def _declare(project: Project, policies: str) -> None:
    page = project.root / PAGE
    text = page.read_text("utf-8").replace("import HTTP_CLIENT", "import Dependency, http_client")
    page.write_text(text.replace("(HTTP_CLIENT,)", f"(http_client({policies}),)"), encoding="utf-8")


def test_timeouts_that_fit_are_not_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the defaults."""
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", "scales=http://scales.example")
    asked = ask(project)
    assert (asked.findings, asked.notes) == ((), ())


def test_timeouts_in_the_wrong_order_are_findings(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the sentence of the start."""
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", "scales=http://scales.example")
    _declare(project, 'Dependency("scales", callee_seconds=30)')
    (finding,) = ask(project).findings
    assert finding.file == PAGE
    assert finding.sentence.startswith("has timeouts in the wrong order: scales may take 30 s for a call that this")


def test_a_service_that_does_not_start_is_a_note(project: Project) -> None:
    """The checks say why it does not; here it only was not compared."""
    _declare(project, 'Dependency("scales")')
    asked = ask(project)
    assert asked.findings == ()
    (note,) = asked.notes
    assert note.sentence == (
        "was not compared with other timeouts: HTTP_CLIENT_DEPENDENCIES must have the address of scales, as "
        "scales=https://host."
    )
