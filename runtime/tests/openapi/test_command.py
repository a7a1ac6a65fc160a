"""`python -m firstlight openapi`: prints the document, or writes the whole file or nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

from firstlight import Service
from firstlight.openapi import command, document, indented

from .parcels import IDENTITY, OPERATIONS, SERVICE


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """A package whose service is that of the parcels."""
    page = ModuleType("acme_parcels.service")
    page.SERVICE = SERVICE  # type: ignore[attr-defined] # a module is made by hand
    with mock.patch.dict("sys.modules", {"acme_parcels": ModuleType("acme_parcels"), page.__name__: page}):
        yield page


@pytest.mark.usefixtures("module")
def test_prints_the_document(capfd: pytest.CaptureFixture[str]) -> None:
    """In the form in which it is committed."""
    assert command.run(["acme_parcels"]) == 0

    assert capfd.readouterr().out == indented(document(SERVICE))


@pytest.mark.usefixtures("module")
def test_writes_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And nothing else beside it."""
    file = tmp_path / "openapi.json"
    file.write_text("{")

    assert command.run(["acme_parcels", "--write", str(file)]) == 0

    assert json.loads(file.read_text("utf-8")) == document(SERVICE)
    assert [*tmp_path.iterdir()] == [file]
    assert capfd.readouterr().out == ""


def test_a_service_that_does_not_start_changes_no_file(
    module: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One sentence, exit status 2."""
    module.__dict__["SERVICE"] = Service(identity=IDENTITY, routes=[OPERATIONS[0], OPERATIONS[0]])
    file = tmp_path / "openapi.json"
    file.write_text("before")

    assert command.run(["acme_parcels", "--write", str(file)]) == 2

    assert file.read_text() == "before"
    assert capfd.readouterr().err.startswith("the operation 'POST /parcels' is declared 2 times")


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["acme_parcels", "--write", "/nowhere/openapi.json"], "/nowhere/openapi.json cannot be written: No such file"),
        (["no_such_package"], "no_such_package must be the package of the service"),
        ([], "the following arguments are required: package"),
    ],
)
def test_refuses(arguments: list[str], sentence: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Exit status 2 and one sentence."""
    assert command.run(arguments) == 2

    assert sentence in capfd.readouterr().err
