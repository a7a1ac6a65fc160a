"""The guide about security names every item of OWASP's lists, and tests that exist."""

import re
from functools import cache

from template import ROOT

GUIDE = (ROOT / "docs/guides/security.md").read_text(encoding="utf-8")
ITEM = re.compile(r"^\| ((?:A|API)\d+) [A-Z].*\|$", re.MULTILINE)
NAMED = re.compile(r"`(test_\w+)`")
FILES = re.compile(r"`((?:runtime/)?tests/[\w/]+\.py)`")


@cache
def defined() -> set[str]:
    """The names of all tests."""
    found = (
        path.read_text(encoding="utf-8")
        for folder in ("tests", "runtime/tests")
        for path in (ROOT / folder).rglob("test_*.py")
    )
    return {name for text in found for name in re.findall(r"^(?:async )?def (test_\w+)", text, re.MULTILINE)}


def test_each_list_has_ten_items() -> None:
    """In the order of the list."""
    sections = re.split(r"^### ", GUIDE, flags=re.MULTILINE)[1:]
    assert [ITEM.findall(section) for section in sections] == [
        [f"A{number:02}" for number in range(1, 11)],
        [f"A{number}" for number in range(1, 11)],
        [f"API{number}" for number in range(1, 11)],
    ]


def test_each_event_is_in_the_table() -> None:
    """An event that the guide does not explain would be a name on a dashboard."""
    source = (ROOT / "runtime/src/firstlight/security/events.py").read_text(encoding="utf-8")
    table = GUIDE.partition("## Security events")[2].partition("\n## ")[0]
    events = re.findall(r'^    "security\.(\w+)",$', source, re.MULTILINE)
    assert len(events) > 1
    assert [event for event in events if f"`{event}`" not in table] == []


def test_each_item_has_a_test() -> None:
    """A row that names none would say that nothing attacks it."""
    rows = [line for line in GUIDE.splitlines() if ITEM.fullmatch(line)]
    assert [row for row in rows if not (NAMED.search(row) or FILES.search(row))] == []


def test_the_tests_exist() -> None:
    """Under these names."""
    assert set(NAMED.findall(GUIDE)) - defined() == set()
    assert [name for name in FILES.findall(GUIDE) if not (ROOT / name).is_file()] == []
