"""`make prove-all`: each form leaves a dated row, whatever becomes of the others."""

import re
from pathlib import Path

import pytest
from template import ROOT

from ci.long_forms import FORMS, PAGE, Form, main

MADE_UP = {
    "good": Form("echo '==== 3 passed, 1 skipped in 0.10s ===='"),
    "bad": Form("echo '1 failed, 2 passed in 9.00s (0:00:09)'; exit 1"),
    "repeated": Form("echo '1 failed, 8 passed in 2.00s'; echo '1 passed in 0.50s'"),
    "silent": Form('test "$LONG" = 1', {"LONG": "1"}),
    "ended": Form("exit 7"),
}


def cells(page: Path) -> dict[str, list[str]]:
    """The cells of each form."""
    rows = [
        line.strip("|\n ").split(" | ") for line in page.read_text(encoding="utf-8").splitlines() if "`" in line[:60]
    ]
    return {name: [cell.strip() for cell in more] for name, *more in rows if name in MADE_UP}


def test_each_form_leaves_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the day and how it ended. A form that fails stops no other."""
    monkeypatch.delenv("LONG", raising=False)
    page = tmp_path / "page.md"

    assert main([], MADE_UP, page) == 1
    rows = cells(page)
    assert [row[-1] for row in rows.values()] == [
        "3 passed, 1 skipped",
        "1 failed, 2 passed",
        "1 failed, 8 passed; once more: 1 passed",
        "passed",
        "failed with status 7",
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", row[1]) for row in rows.values())
    assert rows["silent"][0] == '`LONG=1 test "$LONG" = 1`'


def test_one_form_leaves_the_rows_of_the_others(tmp_path: Path) -> None:
    """Those that never ran say so."""
    page = tmp_path / "page.md"
    assert main(["good"], MADE_UP, page) == 0
    before = cells(page)["good"]

    assert main(["ended"], MADE_UP, page) == 1
    assert cells(page)["good"] == before
    assert cells(page)["bad"][1] == "not run yet"


def test_an_unknown_form_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing runs."""
    page = tmp_path / "page.md"

    assert main(["good", "fults"], MADE_UP, page) == 2
    assert capsys.readouterr().err == "fults: no such form. There are good, bad, repeated, silent, ended.\n"
    assert not page.exists()


def test_the_page_has_every_form() -> None:
    """As they are now."""
    text = PAGE.read_text(encoding="utf-8")

    assert re.findall(r"^\| ([\w.-]+) \| `(.+?)` \|", text, re.MULTILINE) == [
        (name, form.shown) for name, form in FORMS.items()
    ]
    files = re.findall(r"tests/\S+\.py", " ".join(form.command for form in FORMS.values()))
    assert [name for name in files if not any((ROOT / part / name).exists() for part in ("", "runtime"))] == []
