"""The guide about APIs: each row says how it ended, and what it names exists."""

import ast
import re
from functools import cache

import pytest
from template import ROOT

GUIDE = ROOT / "docs/guides/api.md"
TEXT = GUIDE.read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<subject>[^|]+) \| (?P<end>done|taught|refused) \| (?P<where>.+) \|$", re.MULTILINE)
ROWS = [match.groupdict() for match in ROW.finditer(TEXT)]
SERVICE = "{{cookiecutter.project_slug}}"
FOLDERS = ("tests", "runtime/tests", f"{SERVICE}/tests")
NAMED = re.compile(r"`(test_\w+)`")
FILES = re.compile(r"`((?:runtime/tests|tests|links)/[\w/]+\.py)`")


@cache
def defined() -> set[str]:
    """The names of all tests."""
    paths = (path for folder in FOLDERS for path in (ROOT / folder).rglob("test_*.py"))
    return {
        name
        for path in paths
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_every_row_of_the_tables_has_an_end() -> None:
    """Three tables have rows, and none has another end than the three."""
    tables = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:4]
    lines = [line for table in tables for line in table.splitlines() if line.startswith("| ")]
    heads = [line for line in lines if line.split(" | ")[1] == "End"]
    assert len(heads) == len(tables)
    assert [line for line in lines if line not in heads and not ROW.fullmatch(line)] == []
    assert len({row["subject"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", [row for row in ROWS if row["end"] == "done"], ids=lambda row: row["subject"])
def test_what_is_done_has_a_test(row: dict[str, str]) -> None:
    """The row names tests or files of tests, and all of them exist."""
    names, files = NAMED.findall(row["where"]), FILES.findall(row["where"])
    assert names or files
    assert set(names) - defined() == set()
    places = [file.replace("links/", f"{SERVICE}/tests/api/links/", 1) if file[0] == "l" else file for file in files]
    assert [place for place in places if not (ROOT / place).is_file()] == []


def test_what_is_taught_or_refused_says_so_in_a_sentence() -> None:
    """With a link to the page, or with the reason."""
    assert [row["subject"] for row in ROWS if row["end"] == "taught" and "](" not in row["where"]] == []
    assert [row["subject"] for row in ROWS if len(row["where"].split()) < 3 and row["end"] != "done"] == []


def test_links_lead_to_pages_and_headings() -> None:
    """Of this repository, and of the guide itself."""
    lines = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    headings = {re.sub(r"[^\w-]", "", line.lower().replace(" ", "-")) for line in lines}
    targets = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert targets
    assert [each for each in targets if each[0] == "#" and each[1:] not in headings] == []
    assert [each for each in targets if each[0] != "#" and not (GUIDE.parent / each).is_file()] == []


def test_the_code_about_authentication_is_tested() -> None:
    """`runtime/tests/security/test_access.py` attacks a service with exactly this code."""
    program = (ROOT / "runtime/tests/programs/access.py").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    imports, _, code = block.partition("\n\n\n")
    assert code in program
    assert code
    assert imported(imports) - imported(program) == set()
    assert ("firstlight.security", "security_events") in imported(imports)


def imported(code: str) -> set[tuple[str | None, str]]:
    """The modules and names that the code imports."""
    froms = (node for node in ast.parse(code).body if isinstance(node, ast.ImportFrom))
    return {(node.module, each.name) for node in froms for each in node.names}
