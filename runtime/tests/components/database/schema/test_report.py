"""What `make check` says about the tables and migrations of a service."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from firstlight.components.database.schema.report import findings

from .schemas import ADD, CREATE, FIRST, SECOND, write

NUMBERS = count(1)
TABLES = """from sqlalchemy import Column, Integer, MetaData, Table, Text

METADATA = MetaData()
Table("links", METADATA, Column("id", Integer, primary_key=True), Column("slug", Text), Column("owner", Text))
"""
Report = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with both migrations and their tables. Its name is new, because it is imported."""
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / f"acme_parcels_{next(NUMBERS)}"
    package.mkdir()
    (package / "service.py").touch()
    (package / "tables.py").write_text(TABLES)
    write(package / "migrations", FIRST, None, CREATE)
    write(package / "migrations", SECOND, FIRST, ADD)
    (package / "migrations/__init__.py").touch()
    return package


@pytest.fixture
def report(package: Path) -> Report:
    """Returns the findings, with files relative to the package."""

    def reported() -> list[tuple[str, str]]:
        return [(str(file.relative_to(package)), sentence) for file, sentence in findings(package, package.name)]

    return reported


def test_nothing_to_say(report: Report) -> None:
    """Tables and migrations agree."""
    assert report() == []


def test_a_table_without_a_migration(package: Path, report: Report) -> None:
    """The command is named."""
    (package / f"migrations/{SECOND}.py").unlink()

    sentence = 'no migration does this: add column links.owner; run `make migration MESSAGE="..."`.'
    assert report() == [("migrations", sentence)]


def test_an_enum_with_a_type_of_its_own(package: Path, report: Report) -> None:
    """PostgreSQL would refuse the migration that adds such a column, and a value that is added later."""
    tables = TABLES.replace('"owner", Text', '"owner", Enum("a", "b", name="owner")').replace(
        "import ", "import Enum, "
    )
    (package / "tables.py").write_text(tables)
    migration = package / f"migrations/{SECOND}.py"
    migration.write_text(migration.read_text().replace("sa.Text", 'sa.Enum("a", "b", name="owner")'))

    ((file, sentence),) = report()
    assert file == "tables.py"
    assert sentence.startswith("links.owner is an Enum, for which PostgreSQL has a type that migrations neither create")


def test_no_folder(package: Path, report: Report) -> None:
    """It must be made."""
    (package / "migrations").rename(package / "other")

    assert report() == [("migrations", "does not exist; make the folder with an empty __init__.py.")]


def test_no_tables(package: Path, report: Report) -> None:
    """The module and its constant are named."""
    (package / "tables.py").write_text("")

    ((file, sentence),) = report()
    assert file == "tables.py"
    assert sentence.startswith("must be a module with METADATA = MetaData(): ")


def test_two_heads(package: Path, report: Report) -> None:
    """The second one must follow the first."""
    write(package / "migrations", "v0002_more", FIRST, "pass")

    sentence = f'{SECOND} and this one are both the last: write down_revision = "{SECOND}" here.'
    assert report() == [("migrations/v0002_more.py", sentence)]


def test_names_that_python_or_postgresql_refuse(package: Path, report: Report) -> None:
    """A module cannot begin with a digit, and the column of revisions is short."""
    write(package / "migrations", "v0003_with_a_name_of_many_more_words", SECOND, "pass")
    file = package / f"migrations/{SECOND}.py"
    file.rename(file.with_name("0002.py"))

    assert report() == [
        ("migrations/0002.py", "is no name of a module: rename it, for instance to v0002.py."),
        (
            "migrations/v0003_with_a_name_of_many_more_words.py",
            "revision has 36 characters, and PostgreSQL takes 32: shorten it.",
        ),
    ]


def test_a_file_that_cannot_be_placed(package: Path, report: Report) -> None:
    """The file is named."""
    write(package / "migrations", "v0003_more", "v0002_lost", "pass")

    sentence = "v0003_more.py cannot be placed: no file has the revision v0002_lost; correct down_revision."
    assert report() == [("migrations", sentence)]


def test_a_migration_that_fails(package: Path, report: Report) -> None:
    """What SQLite cannot do is for PostgreSQL only."""
    write(package / "migrations", "v0003_more", SECOND, 'op.execute("CREATE EXTENSION pg_trgm")')

    ((file, sentence),) = report()
    assert file == "migrations/v0003_more.py"
    assert sentence.startswith('fails on an empty SQLite database: near "EXTENSION": syntax error')


def test_a_step_that_the_previous_release_does_not_survive(package: Path, report: Report) -> None:
    """The sentence teaches expand and contract."""
    write(package / "migrations", "v0003_more", SECOND, 'op.rename_table("kinds", "sorts")')
    write(package / "migrations", FIRST, None, f'{CREATE}; op.create_table("kinds", sa.Column("id", sa.Integer))')
    (package / "tables.py").write_text(TABLES + 'Table("sorts", METADATA, Column("id", Integer, primary_key=False))\n')

    ((file, sentence),) = report()
    assert file == "migrations/v0003_more.py"
    assert sentence.startswith("line 9 renames a table: the previous release still uses the schema during a release")
