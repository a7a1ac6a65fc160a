"""`python -m firstlight doctor`: exit statuses, JSON, support, and the distance from the template."""

import json
import socket
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from firstlight.checks import Project
from firstlight.doctor import run, upstream
from firstlight.doctor.lock import notes
from firstlight.doctor.support import Support
from firstlight.doctor.tools import Tool

TODAY = date(2027, 1, 31)


def project(root: Path, service: Mapping[str, Any] | None = None) -> Project:
    """A service of which only a few files are read."""
    return Project(root=root, package="acme", slug="acme", service=service or {}, pyproject={})


def git(*arguments: str, at: Path) -> str:
    """Run git with an identity."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, check=True)  # noqa: S603 - as above
    return done.stdout.strip()


def test_a_directory_without_a_service_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 and one sentence; with --json also an object."""
    assert run(["--root", str(tmp_path), "--json"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["status"] == 2
    assert json.loads(said.out)["error"] == said.err.strip()


def test_a_file_that_is_no_toml_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else can be examined, and the status is 1."""
    (tmp_path / "src/acme").mkdir(parents=True)
    (tmp_path / "src/acme/service.toml").write_text("name = \n")
    (tmp_path / "pyproject.toml").touch()
    assert run(["--root", str(tmp_path), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["file"] == "src/acme/service.toml"


def test_bad_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the status of bad use."""
    assert run(["--what"]) == 2
    assert "unrecognized arguments: --what" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "finding", "note"),
    [
        ({"version": "0.1.0", "supported_until": date(2028, 1, 1)}, "", ""),
        ({"version": "0.1.0", "supported_until": date(2027, 1, 31)}, "", "is supported for 0 more days"),
        ({"version": "0.1.0", "supported_until": date(2027, 1, 30)}, "is supported until 2027-01-30", ""),
        ({"version": "0.1.0"}, "", "names no end of support"),
        (None, "", "names no version of the template"),
        ("0.1.0", "", "names no version of the template"),
    ],
)
def test_support_is_told(tmp_path: Path, table: object, finding: str, note: str) -> None:
    """Its end is a finding, and an end that is near or not known is a note."""
    support = Support.of(project(tmp_path, {"template": table} if table else {}))
    for found, wanted in ((support.findings(TODAY), finding), (support.notes(TODAY), note)):
        sentences = [each.sentence for each in found]
        assert [wanted in sentence for sentence in sentences] == ([True] if wanted else [])


def test_the_distance_from_the_template(tmp_path: Path) -> None:
    """Commits and the newest release, from a repository; or the reason why they are not known."""
    template = tmp_path / "template"
    template.mkdir()
    git("init", "--quiet", at=template)
    (template / "releases.toml").write_text('[[releases]]\nversion = "0.3.0"\n[[releases]]\nversion = "0.2.0"\n')
    git("add", ".", at=template)
    commits = []
    for _ in range(3):
        git("commit", "--quiet", "--allow-empty", "--message", "x", at=template)
        commits.append(git("rev-parse", "HEAD", at=template))

    def ask(commit: str, address: str = str(template), *, offline: bool = False) -> upstream.Upstream:
        (tmp_path / ".cruft.json").write_text(json.dumps({"template": address, "commit": commit}))
        return upstream.ask(project(tmp_path), offline=offline)

    assert ask(commits[-1]).state == "current"
    behind = ask(commits[0], template.as_uri())
    assert (behind.state, behind.commits, behind.newest) == ("behind", 2, "0.3.0")
    unknown = ask("0" * 40)
    assert (unknown.state, unknown.commits) == ("behind", None)
    away = ask(commits[0], str(tmp_path / "away"))
    assert away.state == "unreachable"
    assert "away" in away.reason
    assert ask(commits[0], offline=True).state == "not_asked"
    (tmp_path / ".cruft.json").unlink()
    assert upstream.ask(project(tmp_path), offline=False).state == "unknown"


def test_a_service_follows_a_branch_or_a_tag(tmp_path: Path) -> None:
    """The tag's commit, not the tag; the branch, not another one that ends like it; and no option of git."""
    template, mark = tmp_path / "template", tmp_path / "mark"
    git("init", "--quiet", "--initial-branch=main", str(template), at=tmp_path)
    git("commit", "--quiet", "--allow-empty", "--message", "x", at=template)
    old = git("rev-parse", "HEAD", at=template)
    git("tag", "--annotate", "v1", "--message", "v1", at=template)
    git("branch", "feature/main", at=template)
    git("commit", "--quiet", "--allow-empty", "--message", "x", at=template)

    def ask(follows: str, address: str = str(template)) -> upstream.Upstream:
        state = {"template": address, "commit": old, "checkout": follows}
        (tmp_path / ".cruft.json").write_text(json.dumps(state))
        return upstream.ask(project(tmp_path), offline=False)

    assert [ask(follows).state for follows in ("v1", old)] == ["current", "current"]
    assert (ask("main").state, ask("main").commits) == ("behind", 1)
    assert ask("gone").reason == "it has no gone"
    assert ask(str(template), f"--upload-pack=touch {mark}").state == "unreachable"
    assert not mark.exists()


def test_a_template_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """After the time that is allowed."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"git://127.0.0.1:{silent.getsockname()[1]}/template"
        (tmp_path / ".cruft.json").write_text(json.dumps({"template": address, "commit": "0" * 40}))
        found = upstream.ask(project(tmp_path), offline=False, seconds=0.3)
    assert (found.state, found.reason) == ("unreachable", "it did not answer in time")


def test_a_missing_uv_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock file is then not compared, which is a note."""
    (tmp_path / "uv.lock").touch()
    monkeypatch.setenv("UV", str(tmp_path / "no-uv"))
    (note,) = notes(project(tmp_path))
    assert "was not compared" in note.sentence
    assert Tool(("uv",), "all").missing
    assert not Tool(("sh", "no-such-program"), "all").missing
