"""Patterns of shared files: what a team may add, and how an edit is named."""

import pytest

from firstlight.doctor import lines

TEXT = """\
[project]
name = "x"
# Yours
one
]
[tool]
strict = true
"""
PLACES = (("# Yours", r"\]"), (r"\[", r"\["), ("$", ""))
PIPELINE = "steps:\n  - uses: actions/checkout@aaa # v7\n  - run: make\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("one\n", ""),
        ("one\n", "two\nthree\n\nfour\n"),
        ("[tool]\n", "[own]\nkey = 1\n\n[tool]\n"),
        ("strict = true\n", "strict = true\n[more]\nstrict = true\n"),
        ('name = "x"\n', '\nname = "x"   \n'),
    ],
)
def test_a_team_s_places_are_free(old: str, new: str) -> None:
    """Lines are added, changed and removed there; blank lines and spaces at the end of a line do not count."""
    assert list(lines.differences(TEXT.replace(old, new, 1), lines.pattern(TEXT, PLACES))) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("strict = true", "strict = false", (7, "changed")),
        ("strict = true\n", "", (6, "removed")),
        ('name = "x"\n', 'name = "x"\nextra\n', (3, "added")),
        ("[project]\n", "", (0, "removed")),
    ],
)
def test_an_edit_elsewhere_is_named_with_its_line(old: str, new: str, found: tuple[int, str]) -> None:
    """The line in the file as it is now; a removed line has that of the line above."""
    assert list(lines.differences(TEXT.replace(old, new, 1), lines.pattern(TEXT, PLACES))) == [found]


def test_lines_above_a_place_at_the_top_are_free() -> None:
    """As the beginning of a README."""
    pattern = lines.pattern("# Name\n\n## Run it\nrun\n", (("", "## Run it"),))
    assert list(lines.differences("# Other\nwords\n## Run it\nrun\n", pattern)) == []
    assert list(lines.differences("# Other\n## Run it\nwalk\n", pattern)) == [(3, "changed")]


@pytest.mark.parametrize(
    ("new", "kind"), [("bbb # v8", "pin"), ("bbb # v7", "unexplained pin"), ("v8", "pin"), ("aaa # v7", None)]
)
def test_a_pin_moves_with_its_comment(new: str, kind: str | None) -> None:
    """Otherwise the comment does not say what runs."""
    found = list(lines.differences(PIPELINE.replace("aaa # v7", new), lines.pattern(PIPELINE, ())))
    assert found == ([(2, kind)] if kind else [])
    assert lines.has_pins(PIPELINE)


def test_another_action_is_an_edit() -> None:
    """Only the version of a pin may move."""
    other = PIPELINE.replace("actions/checkout", "evil/checkout")
    assert list(lines.differences(other, lines.pattern(PIPELINE, ()))) == [(2, "changed")]
