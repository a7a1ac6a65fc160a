"""Prose uses the field's terms: no page and no docstring has a word of `words.toml`, and no module is named by one."""

import ast
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from template import ROOT

LIST = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))
ROWS = "|".join(f"(?P<row_{number}>{row['word']})" for number, row in enumerate(LIST["forbidden"]))
FORBIDDEN = re.compile(rf"\b(?:{ROWS})\b".replace(" ", r"\s+"), re.IGNORECASE)
BY_TOOLS = {"build", "dist", "node_modules"}
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]*`|<%.*?%>|\]\([^)]*\)", re.MULTILINE | re.DOTALL)
STATEMENTS = re.compile(r"^ *<%(?!=).*?%>$", re.MULTILINE)
EXPRESSIONS = re.compile(r"<%=.*?%>")

Prose = Callable[[str], Iterator[tuple[int, str]]]


class Found(NamedTuple):
    """A forbidden word in a file."""

    path: str
    line: int
    word: str
    instead: str


def files(suffix: str) -> Iterator[Path]:
    """The files of this repository, without those that tools have written."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name[0] != "." and name not in BY_TOOLS]
        yield from (Path(folder, name).relative_to(ROOT) for name in names if name.endswith(suffix))


def without_code(text: str) -> str:
    """Code becomes line breaks, so that lines keep their numbers."""
    return CODE.sub(lambda code: "\n" * code[0].count("\n") or "``", text)


def page(text: str) -> Iterator[tuple[int, str]]:
    """The prose of a page, which begins at line 1."""
    yield 1, without_code(text)


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """The docstrings of a module with their lines, without the template's Jinja."""
    for node in ast.walk(ast.parse(EXPRESSIONS.sub("x", STATEMENTS.sub("", text)))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found = ast.get_docstring(node, clean=False)
            if found is not None:
                yield node.body[0].lineno, without_code(found)


PROSE: dict[str, Prose] = {".md": page, ".py": docstrings}


def forbidden(prose: Iterator[tuple[int, str]], path: str) -> Iterator[Found]:
    """Every forbidden word, which may continue on the next line."""
    for begin, text in prose:
        for match in FORBIDDEN.finditer(text):
            row = LIST["forbidden"][int(str(match.lastgroup).removeprefix("row_"))]
            line = begin + text.count("\n", 0, match.start())
            yield Found(path, line, " ".join(match[0].split()), row["instead"])


@cache
def everything() -> list[Found]:
    """The findings in all pages and docstrings."""
    return [
        found
        for suffix, prose in PROSE.items()
        for path in sorted(files(suffix))
        for found in forbidden(prose((ROOT / path).read_text("utf-8")), path.as_posix())
    ]


def excepted(found: Found, exception: dict[str, str]) -> bool:
    """Whether an exception is about this word in this file."""
    return found.path == exception["path"] and re.fullmatch(exception["word"], found.word, re.IGNORECASE) is not None


def test_prose_has_no_forbidden_word() -> None:
    """Each finding names file, line, word, and the word to write instead."""
    found = [each for each in everything() if not any(excepted(each, one) for one in LIST["exception"])]
    lines = [f"{each.path}:{each.line}: {each.word!r}; write: {each.instead}" for each in found]
    assert not lines, "\n".join(["", *lines])


def test_every_exception_is_needed() -> None:
    """An exception without a finding would hide a later one."""
    found = everything()
    assert [one for one in LIST["exception"] if not any(excepted(each, one) for each in found)] == []
    assert [one for one in LIST["exception"] if not one["reason"].strip()] == []


def test_no_module_has_a_name_without_a_subject() -> None:
    """Neither a file nor a folder."""
    assert [path.as_posix() for path in files(".py") if {*path.parts[:-1], path.stem} & {*LIST["names"]}] == []


@pytest.mark.parametrize(
    ("prose", "text", "line"),
    [
        (page, "A page.\n\nThen they take\nit back.\n", 3),
        (page, "```sh\nwhoever\n```\n`whoever` and [x](whoever)\nby itself\n", 5),
        (docstrings, '"""A module."""\n\n\ndef run() -> None:\n    """Keep the promise."""\n', 5),
        (docstrings, '<% for x in y %>\nA = <%= x %>\n<% endfor %>\n\n\nclass B:\n    """No bound."""\n', 7),
        (docstrings, 'A = """There is no bound."""\n', 0),
    ],
)
def test_a_word_is_found_in_prose_only(prose: Prose, text: str, line: int) -> None:
    """Over the end of a line as well; not in code."""
    assert [found.line for found in forbidden(prose(text), "page")] == ([line] if line else [])
