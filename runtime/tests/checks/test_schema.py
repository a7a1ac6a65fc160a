"""The check `schema` runs for a service with the component `database`, and only then."""

from pathlib import Path

import pytest

from firstlight.checks import Project, schema
from firstlight.checks.finding import Finding

PAGE = """from firstlight import Identity, Service
from firstlight.components.database import DATABASE

from .settings import Settings

SERVICE = Service(identity=Identity.of(__package__), settings=Settings, components=(DATABASE,))
"""
TABLES = """from sqlalchemy import Column, Integer, MetaData, Table

METADATA = MetaData()
Table("links", METADATA, Column("id", Integer, primary_key=True))
"""


@pytest.fixture
def package(root: Path) -> Path:
    """The package of the service, which has the component."""
    package = root / "src/acme_links"
    answers = package / "service.toml"
    answers.write_text(answers.read_text().replace('"http_client"', '"database"'))
    (package / "service.py").write_text(PAGE)
    (package / "tables.py").write_text(TABLES)
    (package / "migrations").mkdir()
    return package


def test_a_table_without_a_migration(package: Path, root: Path) -> None:
    """The finding names the folder and the command."""
    assert package.exists()
    sentence = 'no migration does this: add table links; run `make migration MESSAGE="..."`.'
    assert list(schema.findings(Project.at(root))) == [Finding("src/acme_links/migrations", sentence)]


def test_what_the_program_cannot_import(package: Path, root: Path) -> None:
    """Its last line is shown."""
    (package / "tables.py").write_text("1 / 0\n")

    (finding,) = schema.findings(Project.at(root))
    assert finding.file == "src/acme_links/migrations"
    assert "cannot be compared with the tables: ZeroDivisionError: division by zero" in finding.sentence


def test_a_page_that_does_not_start(package: Path, root: Path) -> None:
    """It is a finding of another check."""
    (package / "service.py").write_text("1 / 0\n")

    assert list(schema.findings(Project.at(root))) == []


def test_a_page_without_the_component(package: Path, root: Path) -> None:
    """The same: its tables are not imported, and the migrations would seem to be wrong."""
    (package / "service.py").write_text(PAGE.replace("(DATABASE,)", "()"))

    assert list(schema.findings(Project.at(root))) == []


def test_a_service_without_a_database(root: Path) -> None:
    """It has no schema."""
    assert list(schema.findings(Project.at(root))) == []
