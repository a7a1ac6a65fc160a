"""openapi.json of a generated service is the document that the service itself renders."""

from pathlib import Path

from template import Machine

from ci.openapi import rendered

ANSWERS = {
    "project_name": 'Größe "7" <b>',
    "project_slug": "size-seven",
    "description": "Back\\slash, </script>, {{ braces }} and 'quotes'.",
    "owner": "Team: Ümlaut & Söhne",
    "components": "all",
}


def test_the_emitted_document_is_that_of_the_service(machine: Machine, template: Path) -> None:
    """After a change of the example or of the runtime, `make openapi` writes it. Answers are quoted as JSON."""
    service = machine.cookiecutter(template, ANSWERS).service

    assert (service / "openapi.json").read_text("utf-8") == rendered(service)
