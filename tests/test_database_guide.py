"""The guide about the database: each row says how it ended, what it names exists, and no variable is left out."""

import re
import tomllib
from functools import cache

import pytest
from template import ROOT

GUIDE = ROOT / "docs/guides/database.md"
SHARDING = ROOT / "docs/guides/sharding.md"
TEXT = GUIDE.read_text(encoding="utf-8")
TABLE = TEXT.partition("\n## Acceptance\n")[2]
ROW = re.compile(r"^\| (?P<subject>[^|]+) \| (?P<end>done|taught|refused) \| (?P<where>.+) \|$", re.MULTILINE)
ROWS = [match.groupdict() for match in ROW.finditer(TABLE)]
NAMED = re.compile(r"`(test_\w+)`")
FOLDERS = ("tests", "runtime/tests", "{{cookiecutter.project_slug}}/tests", "components/database/files/tests")


@cache
def defined() -> set[str]:
    """The names of all tests, with those on the page itself, which are run."""
    texts = [path.read_text("utf-8") for folder in FOLDERS for path in (ROOT / folder).rglob("test_*.py")]
    return {
        name for text in (*texts, TEXT) for name in re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE)
    }


def test_every_row_has_an_end() -> None:
    """One of the three."""
    lines = [line for line in TABLE.splitlines() if line.startswith("| ")]
    assert len(lines) > 25
    assert [line for line in lines[1:] if not ROW.fullmatch(line)] == []
    assert len({row["subject"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", [row for row in ROWS if row["end"] == "done"], ids=lambda row: row["subject"])
def test_what_is_done_has_a_test(row: dict[str, str]) -> None:
    """The row names tests, and all of them exist."""
    names = NAMED.findall(row["where"])
    assert names
    assert set(names) - defined() == set()


def test_what_is_taught_or_refused_says_so_in_a_sentence() -> None:
    """With a link to the place, or with the reason and tests that exist."""
    assert [row["subject"] for row in ROWS if row["end"] == "taught" and "](" not in row["where"]] == []
    refused = [row for row in ROWS if row["end"] == "refused"]
    assert [row["subject"] for row in refused if len(row["where"].split()) < 8] == []
    assert {name for row in refused for name in NAMED.findall(row["where"])} - defined() == set()


@pytest.mark.parametrize("page", [GUIDE, SHARDING], ids=lambda page: page.stem)
def test_links_lead_to_pages_and_headings(page: object) -> None:
    """Of this repository, and of the page itself."""
    guide = GUIDE if page == GUIDE else SHARDING
    text = guide.read_text(encoding="utf-8")
    lines = re.findall(r"^###? (.+)$", text, re.MULTILINE)
    headings = {re.sub(r"[^\w-]", "", line.lower().replace(" ", "-")) for line in lines}
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert targets
    assert [each for each in targets if each[0] == "#" and each[1:] not in headings] == []
    assert [each for each in targets if each[0] != "#" and not (guide.parent / each).is_file()] == []


def test_every_variable_is_explained() -> None:
    """In the order of the contract or another one, once each."""
    contract = tomllib.loads((ROOT / "runtime/src/firstlight/contract/database.toml").read_text("utf-8"))
    explained = re.findall(r"^\| `(DATABASE_\w+)` \|", TEXT, re.MULTILINE)
    assert sorted(explained) == sorted(contract["variables"])


def test_the_signals_that_it_names_are_those_of_the_contract() -> None:
    """Metrics by their names without the suffix of a series, and events."""
    contract = tomllib.loads((ROOT / "runtime/src/firstlight/contract/database.toml").read_text("utf-8"))
    metrics = set(re.findall(r"`((?:db_client|database)_[a-z_]+)", TEXT)) - {"db_client_connection_pool_name"}
    assert metrics
    assert {name for name in metrics if name not in contract["metrics"]} == set()
    events = set(re.findall(r"`(database\.[a-z]+_[a-z_]+)`", TEXT)) - {"database.read_one"}
    assert events - set(contract["log"]["events"]) == set()
