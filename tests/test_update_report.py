"""What `make update` says: the news of the template, the files that need a person, within the limits of a forge."""

from pathlib import Path

import pytest
from template import Machine

from update.news import Entry, entries, news
from update.report import MARKDOWN, Report, Section
from update.template import Template

LARGEST_TEXT = 65_536  # characters, at GitHub
OLD = """# Changelog

## [Unreleased]

### Added

- Known already
  in two lines.

## [0.1.0] - 2026-11-27

- The first.
"""
RELEASED = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-01

### Added

- Known already in
  two lines.
- New, see the [guide](docs/guide.md).

### Fixed

* A `fault`
  - of two kinds.

## [0.1.0] - 2026-11-27

- The first.
"""


@pytest.fixture
def platform(machine: Machine) -> Path:
    """A template that is a changelog only."""
    place = machine.directory / "platform"
    place.mkdir()
    (place / "CHANGELOG.md").write_text(OLD, encoding="utf-8")
    machine.commit(place)
    return place


def test_news_are_what_the_old_version_s_changelog_does_not_have(machine: Machine, platform: Path) -> None:
    """A release moves entries; those that the service has are not repeated."""
    old = Template(place=platform).at(machine.git("rev-parse", "HEAD", directory=platform), machine.directory / "old")
    (platform / "CHANGELOG.md").write_text(RELEASED, encoding="utf-8")
    machine.commit(platform)
    assert news(old, Template(place=platform)) == [
        Entry(version="0.2.0", kind="Added", text="New, see the guide."),
        Entry(version="0.2.0", kind="Fixed", text="A `fault` - of two kinds."),
    ]
    unreleased = OLD.replace("## [0.1.0]", "### Changed\n\n- More.\n\n## [0.1.0]")
    assert [entry for entry in entries(unreleased) if entry not in set(entries(OLD))] == [
        Entry(version="Unreleased", kind="Changed", text="More.")
    ]


def test_without_a_changelog_the_commits_are_the_news(machine: Machine, platform: Path) -> None:
    """A platform may keep none."""
    old = Template(place=platform).at(machine.git("rev-parse", "HEAD", directory=platform), machine.directory / "old")
    (platform / "CHANGELOG.md").unlink()
    machine.commit(platform, "Remove the changelog")
    assert news(old, Template(place=platform)) == [Entry(version="", kind="Commits", text="Remove the changelog")]


def test_a_text_fits_into_a_pull_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is long is cut, and says so; the version stays at the end, where the proposal looks for it."""
    monkeypatch.chdir(tmp_path)
    paths = [f"docs/{'ü' * 50}-{number}" for number in range(3000)]
    report = Report(title="From 1 to 2", commit="c" * 40, patch="+```\n" * 50_000)
    report.add(Section("Conflicts:", paths, person=True))
    report.news = [Entry(version="2", kind="Added", text="word " * 100)] * 2000
    report.write_markdown()
    text = MARKDOWN.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST_TEXT
    assert text.startswith("# From 1 to 2\n\n**This needs a person.**")
    assert text.endswith(f"\n<!-- template {'c' * 40} -->\n")
    assert "- and 2900 more, which `make update` lists\n" in text
    assert "The list is cut; the template's CHANGELOG.md has the rest.\n" in text

    report.news = []
    report.write_markdown()
    text = MARKDOWN.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST_TEXT
    assert "\n````diff\n+```\n" not in text  # a longer fence than any in the patch
    assert "The patch is cut.\n" in text
    assert text.count("``````") == 2
    assert text.rstrip().splitlines()[-3] == "</details>"


def test_news_notify_nobody_and_are_no_html(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are the template's; a mention or a number in them would reach people and requests of the service."""
    monkeypatch.chdir(tmp_path)
    report = Report(title="From 1 to 2", commit="c" * 40)
    report.news = [Entry(version="2", kind="Added", text="Thanks to @octocat for #12 <img src=x>")]
    report.write_markdown()
    text = MARKDOWN.read_text(encoding="utf-8")
    assert "- Thanks to @\u200boctocat for #\u200b12 &lt;img src=x>" in text
    assert report.plain().endswith("2 Added:\n  - Thanks to @octocat for #12 <img src=x>")
