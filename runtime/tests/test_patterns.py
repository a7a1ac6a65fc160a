"""Regular expressions of the library: what every supported CPython matches alike."""

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined] # the only way to read a pattern
from typing import Any

import pytest

import firstlight

PACKAGE = Path(firstlight.__file__).parent
NAMES = [
    ".".join((firstlight.__name__, *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in sorted(PACKAGE.rglob("[a-z]*.py"))
]
ONE_CHARACTER = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.IN, _constants.ANY}


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Those that modules hold."""
    for name in NAMES:
        for variable, value in vars(import_module(name)).items():
            if isinstance(value, re.Pattern):
                yield f"{name}.{variable}", value


def is_possessive(parsed: Iterable[Any]) -> bool:
    """Whether a group has a possessive quantifier, `(ab)*+`, or is atomic, `(?>ab)`, at any depth."""
    for operation, argument in parsed:
        if operation is _constants.ATOMIC_GROUP:
            return True
        if operation is _constants.POSSESSIVE_REPEAT and not is_one_character(argument[2]):
            return True
        if any(map(is_possessive, inner(argument))):
            return True
    return False


def is_one_character(repeated: _parser.SubPattern) -> bool:
    """Whether a character or a class of characters is repeated."""
    return len(repeated) == 1 and repeated[0][0] in ONE_CHARACTER


def inner(argument: Any) -> Iterator[_parser.SubPattern]:
    """The patterns inside an argument of an operation."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        for each in argument:
            yield from inner(each)


def test_no_group_is_possessive() -> None:
    """CPython 3.11.2, which Debian 12 has, raises `SystemError` for many texts; 3.13 for a few, where it captures."""
    found = dict(patterns())
    assert len(found) > 50
    assert [name for name, each in found.items() if is_possessive(_parser.parse(each.pattern, each.flags))] == []


@pytest.mark.parametrize("text", ["(?:ab|c)*+", "(a)?+", "(?:ab){1,2}+", "(?>a|b)", "(?:a[b]*|(?:c|(?=(?:de|f)*+)))"])
def test_a_possessive_group_is_found(text: str) -> None:
    """At any depth."""
    assert is_possessive(_parser.parse(text))


@pytest.mark.parametrize("text", ["[ab]*+", "(?:[()*+]++|a{1,2}+)*", r"\)*+", "(?:a)*", "(a)+b"])
def test_other_quantifiers_are_allowed(text: str) -> None:
    """Those of one character, and those that are not possessive."""
    assert not is_possessive(_parser.parse(text))
