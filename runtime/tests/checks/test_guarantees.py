"""Every check finds each fault in `cases/`, finds nothing else, and passes the unchanged service."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

Edit = tuple[str, str | None, str | None]

CASES = Path(__file__).with_name("cases")


def _cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.toml")):
        for name, case in tomllib.loads(file.read_text()).items():
            edits = [(edit["file"], edit.get("old"), edit.get("new")) for edit in case["edits"]]
            yield pytest.param(edits, case["findings"], id=f"{file.stem}: {name}")


@pytest.mark.parametrize(("edits", "findings"), [*_cases()])
def test_finds(
    edits: Sequence[Edit], findings: Sequence[str], breaks: Callable[[Sequence[Edit], Sequence[str]], None]
) -> None:
    """The findings are exactly those of the case."""
    breaks(edits, findings)
