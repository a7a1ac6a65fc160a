"""The merge of `make update` where a service has something else than a file, and states that cannot be read."""

import json
from pathlib import Path

import pytest

from update import library
from update.failure import UpdateError
from update.merge import IN_ITS_PLACE, REMOVED, TAKEN, Merge
from update.report import Report
from update.state import read_state
from update.toml import read_toml

SOURCE = 'firstlight-runtime = { path = "vendor/firstlight", editable = true }'


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Merge:
    """Two versions of a template, and a service in the current directory."""
    for name in ("old", "new", "service"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "service")
    return Merge(old=tmp_path / "old", new=tmp_path / "new")


def write(place: Path, text: str) -> None:
    """Write a file with its folders."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def test_links_and_folders_of_the_team_are_left_alone(versions: Merge) -> None:
    """A merge through a link would write into another file; one into a folder would end in the middle."""
    for path in ("AGENTS.md", "compose.yaml", "deploy/run.sh", "gone.md", "same.md"):
        write(versions.old / path, "before\n")
        write(versions.new / path, "after\n")
    (versions.new / "gone.md").unlink()
    write(versions.new / "same.md", "before\n")
    write(versions.new / "docs/guide/page.md", "new\n")
    write(versions.new / "fine/page.md", "new\n")
    write(Path("README.md"), "the team's\n")
    for link in ("AGENTS.md", "gone.md", "same.md"):
        Path(link).symlink_to("README.md")
    write(Path("compose.yaml/service.yaml"), "a\n")
    write(Path("elsewhere/run.sh"), "before\n")
    Path("deploy").symlink_to("elsewhere")
    write(Path("docs/guide"), "the team's\n")

    paths = ["AGENTS.md", "compose.yaml", "deploy/run.sh", "docs/guide/page.md", "fine/page.md", "gone.md", "same.md"]
    left = {section.title: list(section.paths) for section in versions.files(paths)}

    assert left == {
        REMOVED: ["gone.md"],
        TAKEN: ["docs/guide/page.md"],
        IN_ITS_PLACE: ["AGENTS.md", "compose.yaml", "deploy/run.sh"],
    }
    assert Path("README.md").read_text(encoding="utf-8") == Path("docs/guide").read_text(encoding="utf-8")
    assert Path("elsewhere/run.sh").read_text(encoding="utf-8") == "before\n"
    assert Path("fine/page.md").read_text(encoding="utf-8") == "new\n"


@pytest.mark.parametrize(("source", "restored"), [(SOURCE, True), ("", False), (f"# {SOURCE}", False)])
def test_a_removed_library_is_restored_unless_an_index_has_it(versions: Merge, source: str, *, restored: bool) -> None:
    """By pyproject.toml: without the folder that it names, nothing can be installed."""
    write(Path("pyproject.toml"), f"[tool.uv.sources]\n{source}\n")
    for place in (versions.old, versions.new):
        write(place / library.VENDOR / "module.py", "x = 1\n")
    report = Report(title="x", commit="0" * 40)
    assert library.intact() is not restored
    library.replace(versions.old, versions.new, report)
    assert (library.VENDOR / "module.py").exists() is restored
    assert [section.title.split(":")[0] for section in report.sections] == (
        ["vendor/firstlight was missing, and is restored"] if restored else []
    )


@pytest.mark.parametrize(
    "content",
    ["<<<<<<< yours", "[]", "{}", '{"template": "x", "commit": "y"}', '{"template": 1, "commit": "y", "context": []}'],
)
def test_a_state_that_cannot_be_read_is_one_sentence(versions: Merge, content: str) -> None:
    """As after a merge with conflicts."""
    write(versions.new.parent / "service/.cruft.json", content)
    with pytest.raises(UpdateError, match=r"^\.cruft\.json must have template, commit and context"):
        read_state()


def test_a_state_that_is_complete_is_read(versions: Merge) -> None:
    """With the answers, and without what cookiecutter adds to them."""
    context = {"cookiecutter": {"owner": "Payments", "_commit": "y"}}
    state = {"template": "x", "commit": "y", "checkout": None, "context": context}
    write(versions.new.parent / "service/.cruft.json", json.dumps(state))
    found = read_state()
    assert (found.template, found.commit, found.checkout, found.answers) == ("x", "y", "", {"owner": "Payments"})


def test_a_file_with_conflicts_is_named(versions: Merge) -> None:
    """Before anything is merged."""
    file = versions.new / "pyproject.toml"
    for content in ("<<<<<<< yours\n", None):
        if content is None:
            file.unlink()
        else:
            write(file, content)
        with pytest.raises(UpdateError, match=r"pyproject\.toml cannot be read: .*Repair it, commit, and run this"):
            read_toml(file)
