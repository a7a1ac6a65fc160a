"""`releases.toml` is the source of versions: what it says, what is refused in it, and what services get from it."""

import tomllib
from datetime import date

import pytest
from conftest import Generate
from template import ROOT, Machine, replace

from generator.library import version
from generator.names import team
from generator.releases import RELEASES, read, release

ROW = '[[releases]]\nversion = "{}"\ntag = "v{}"\nreleased = 2026-01-31\nsupported_until = 2027-01-31\n'
FIRST, SECOND = ROW.format("1.0.0", "1.0.0"), ROW.format("1.10.0", "1.10.0")
ANSWERS = "src/acme_links/service.toml"


def test_this_commit_is_a_release_or_between_two() -> None:
    """A version that is no release has `.dev` in it, and is above every release."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for entry in RELEASES:
        assert f"\n## [{entry.version}] - {entry.released}\n" in changelog
    newest, current = RELEASES[0].version, version()
    if current != newest or not RELEASES[0].tag:
        number, _, development = current.partition(".dev")
        assert development.isdigit(), f"begin the next version after {newest}: __version__ is {current}"
        assert [*map(int, number.split("."))] > [*map(int, newest.split("."))]


def test_a_service_between_releases_has_a_version_without_an_end(generate: Generate) -> None:
    """No date is known for this commit. The team's slug is beside its name."""
    owner = '支払い & "A/B"'
    answers = tomllib.loads((generate(owner=owner) / ANSWERS).read_text("utf-8"))
    assert answers["template"] == {name: value for name, value in release().items() if value}
    assert (answers["owner"], answers["team"]) == (owner, team(owner))


def test_a_service_of_a_release_has_the_end_of_its_support(machine: Machine) -> None:
    """As a date, which TOML knows."""
    template = machine.template()
    replace(template / "runtime/src/firstlight/__init__.py", f'"{version()}"', '"1.10.0"')
    (template / "releases.toml").write_text(SECOND + FIRST, encoding="utf-8")
    answers = tomllib.loads((machine.cookiecutter(template).service / ANSWERS).read_text("utf-8"))
    assert answers["template"] == {"version": "1.10.0", "supported_until": date(2027, 1, 31)}


@pytest.mark.parametrize(
    ("owner", "slug"),
    [
        ("Platform Team", "platform-team"),
        ("Überteam", "uberteam"),
        ("支払い", "zhi-fu-i"),
        ("A/B & C", "a-b-c"),
        ("2nd Line", "team-2nd-line"),
        ("Null", "team-null"),
        ("🚀", "team-ebbc0b28"),
        ("🔥", "team-"),
        ("-", "team-"),
        ("x" * 63, "x" * 63),
        ("x" * 100, "x" * 54 + "-"),
        ("x" * 99 + "y", "x" * 54 + "-"),
        ("word " * 20, "word-" * 10 + "word-"),
    ],
)
def test_a_team_is_a_label_that_never_changes(owner: str, slug: str) -> None:
    """Readable where it can be; a checksum keeps owners apart whose names are too long, or have no letter."""
    assert team(owner).startswith(slug)
    assert 1 <= len(team(owner)) <= 63
    assert team(owner).strip("abcdefghijklmnopqrstuvwxyz0123456789-") == ""
    assert team(owner)[0].isalpha()
    assert not team(owner).endswith("-")


def test_teams_of_long_or_unreadable_names_differ() -> None:
    """Cut off names would be one team, and its pages would reach the wrong people."""
    owners = ["x" * 99 + "y", "x" * 100, "🚀", "🔥", "!"]
    assert len(set(map(team, owners))) == len(owners)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[releases]", "releases.toml is not TOML: "),
        ("[release]\n", "releases.toml: release is unknown; there is nothing but [[releases]]."),
        ("releases = 1\n", "releases.toml: releases must be tables [[releases]] with version = "),
        (FIRST.replace("1.0.0", "1.0"), "releases.toml: version '1.0' must be three numbers with dots, as in "),
        (FIRST.replace('"1.0.0"', "1.0"), "releases.toml: version 1.0 must be three numbers with dots, as in "),
        (FIRST.replace("tag =", "tagg ="), "releases.toml: tagg of release 1.0.0 is unknown; a release has version, "),
        (FIRST.replace("v1", "1"), "releases.toml: tag of release 1.0.0 must be 'v1.0.0'."),
        (FIRST + 'commit = "abc"\n', "releases.toml: commit of release 1.0.0 must be 40 hexadecimal digits.\n"),
        (FIRST.replace('tag = "v1.0.0"\n', ""), "releases.toml: release 1.0.0 must have a tag or a commit, and not "),
        (FIRST.replace("2026-01-31", '"2026"'), "releases.toml: released of release 1.0.0 must be a date without "),
        (FIRST.replace("2026-01-31", "2026-01-31T00:00:00"), "releases.toml: released of release 1.0.0 must be a "),
        (FIRST.replace("2027", "2025"), "releases.toml: supported_until of release 1.0.0 must be later than released."),
        (FIRST + SECOND, "releases.toml: 1.0.0 is above 1.10.0; the newest release must be at the top, each once."),
        (FIRST + FIRST, "releases.toml: 1.0.0 is above 1.0.0; the newest release must be at the top, each once."),
    ],
)
def test_a_bad_file_is_refused(text: str, sentence: str) -> None:
    """One sentence for each fault: what is wrong and what would be right."""
    with pytest.raises(SystemExit) as refused:
        read(text)
    assert str(refused.value).startswith(sentence)


def test_no_release_is_an_answer() -> None:
    """A copy of the template may begin without any."""
    assert read("") == ()
    assert [entry.version for entry in read(SECOND + FIRST)] == ["1.10.0", "1.0.0"]


def test_a_bad_file_stops_generation(machine: Machine) -> None:
    """With the sentence and nothing else, before anything is written."""
    template = machine.template()
    (template / "releases.toml").write_text("[release]\n", encoding="utf-8")
    outcome = machine.cookiecutter(template)
    assert outcome.status == 1
    assert outcome.stderr == "releases.toml: release is unknown; there is nothing but [[releases]].\n"
    assert list(outcome.directory.iterdir()) == []
