"""Revisions are read from files: order, heads, what is missing, and files that do not fit."""

from pathlib import Path

import pytest

from firstlight import UsageError
from firstlight.components.database.schema import SchemaError
from firstlight.components.database.schema.revisions import read

from .schemas import ADD, CREATE, FIRST, SECOND, schema, write


def test_what_is_missing_in_order(tmp_path: Path) -> None:
    """Parents first, up to a target."""
    revisions = schema(tmp_path / "migrations", CREATE, ADD, "pass").revisions

    assert revisions.heads == ("v0003_more",)
    assert [each.name for each in revisions.missing(())] == [FIRST, SECOND, "v0003_more"]
    assert [each.name for each in revisions.missing((FIRST,))] == [SECOND, "v0003_more"]
    assert [each.name for each in revisions.missing((), SECOND)] == [FIRST, SECOND]
    assert revisions.missing(("v0003_more",)) == []


def test_nothing_is_missing_where_a_newer_release_was(tmp_path: Path) -> None:
    """A revision without a file is newer."""
    revisions = schema(tmp_path / "migrations", CREATE).revisions

    assert (revisions.unknown((SECOND,)), list(revisions.missing((SECOND,)))) == ((SECOND,), [])


def test_branches_are_merged(tmp_path: Path) -> None:
    """Two heads, until a revision has both as parents."""
    folder = tmp_path / "migrations"
    schema(folder, CREATE, ADD)
    write(folder, "v0002_add_note", FIRST, "pass")
    assert read(folder).heads == ("v0002_add_note", SECOND)

    merge = write(folder, "v0003_merge", None, "pass")
    merge.write_text(merge.read_text().replace("None", f'("{SECOND}", "v0002_add_note")', 1))
    assert read(folder).heads == ("v0003_merge",)
    assert len(read(folder).missing((SECOND,))) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("revision = 1", 'must say revision = "v0001_create_links"'),
        ('revision = "one"', "must say"),
        ('revision = "one"\ndown_revision = "zero"', "no file has the revision zero"),
        ('revision = "one"\ndown_revision = "one"', "form a circle"),
        ("revision =", "cannot be read: invalid syntax"),
    ],
)
def test_files_that_do_not_fit(text: str, sentence: str, tmp_path: Path) -> None:
    """One sentence names the file."""
    write(tmp_path / "migrations", FIRST, None, "pass").write_text(text)

    with pytest.raises(SchemaError, match=sentence) as caught:
        read(tmp_path / "migrations")
    assert f"{FIRST}.py" in str(caught.value)


def test_one_revision_in_two_files(tmp_path: Path) -> None:
    """Both are named."""
    folder = tmp_path / "migrations"
    write(folder, FIRST, None, "pass").rename(folder / "copy.py")
    write(folder, FIRST, None, "pass")

    with pytest.raises(SchemaError, match=r"v0001_create_links.py and copy.py have the same revision"):
        read(folder)


def test_an_unknown_target(tmp_path: Path) -> None:
    """The newest one is named."""
    with pytest.raises(UsageError, match="there is no revision v9; the newest is v0001_create_links"):
        schema(tmp_path / "migrations", CREATE).revisions.missing((), "v9")
