"""The architecture decision records, here and in a service, have one form and numbers without gaps."""

import re
from pathlib import Path

import pytest
from template import ROOT

FOLDERS = [ROOT / "docs/adr", ROOT / "{{cookiecutter.project_slug}}/docs/adr"]
RECORDS = [path for folder in FOLDERS for path in sorted(folder.glob("*.md"))]
SECTIONS = ["Context", "Decision", "Alternatives", "Figures"]
HEAD = re.compile(
    r"# (?P<number>\d+)\. \S.*\n\n"
    r"Status: (?:proposed|accepted|superseded by ADR \d+)\. Date: (?P<date>2\d{3}-\d\d-\d\d)\..*\n\n"
    r"## Context\n"
)
REFERENCE = re.compile(r"\bADR (\d+)\b")


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_status_date_and_the_sections(record: Path) -> None:
    """Title, one line of status and date, then the four sections in this order; consequences may follow."""
    text = record.read_text(encoding="utf-8")
    head = HEAD.match(text)
    assert head, f"{record.name} does not begin with a title, `Status: ... Date: ...` and the context"
    assert int(head["number"]) == int(record.name[:4])
    sections = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    assert sections[::2] in (SECTIONS, [*SECTIONS, "Consequences"])
    assert [name for name, body in zip(sections[::2], sections[1::2], strict=True) if not body.strip()] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=["template", "service"])
def test_the_numbers_have_no_gap(folder: Path) -> None:
    """The records are 1, 2, 3, and so on."""
    numbers = [int(path.name[:4]) for path in sorted(folder.glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_record_that_is_named_exists() -> None:
    """`ADR 8` in a record or a guide is one of this repository's."""
    known = {int(path.name[:4]) for path in FOLDERS[0].glob("*.md")}
    named = {
        (page.name, int(number))
        for page in (ROOT / "docs").rglob("*.md")
        for number in REFERENCE.findall(page.read_text(encoding="utf-8"))
    }
    assert named
    assert [(page, number) for page, number in sorted(named) if number not in known] == []
