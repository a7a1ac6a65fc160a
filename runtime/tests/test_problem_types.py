"""The table of problem types: complete, by the RFCs, and the same on every Python."""

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

import firstlight
from firstlight.problem_types import NO_TYPE, PROBLEM_TYPES, ProblemType, meaning, type_and_title
from firstlight.problems import ServiceError
from firstlight.server.answers import ANSWERS

SOURCES = sorted(Path(firstlight.__file__).parent.rglob("*.py"))
# What differs between versions of Python, or between them and RFC 9110.
RENAMED = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
ANSWER = {"ProblemResponse", "HTTPException", "_answer"}
NAMES = {status.name: status.value for status in HTTPStatus}


def _all(kind: type[ServiceError]) -> list[type[ServiceError]]:
    return [kind, *(below for each in kind.__subclasses__() for below in _all(each))]


@pytest.mark.parametrize("kind", _all(ServiceError), ids=lambda kind: kind.__name__)
def test_every_error_has_a_type(kind: type[ServiceError]) -> None:
    """Its status is in the table."""
    assert kind.status in PROBLEM_TYPES


def _statuses(source: Path) -> Iterator[int]:
    """The statuses that a module names: by `HTTPStatus`, and as the first argument of an answer."""
    tree = ast.parse(source.read_text("utf-8"))
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield NAMES[node.attr]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ANSWER:
            status = constants.get(getattr(node.args[0], "id", ""), getattr(node.args[0], "value", 0))
            yield status if isinstance(status, int) else 0


def test_every_status_in_the_sources_has_a_type() -> None:
    """Numbers and names of errors in the library, from any module."""
    used = {status for source in SOURCES for status in _statuses(source) if status >= 400}

    assert {400, 404, 408, 413, 431, 500, 503, 504} <= used
    assert used <= PROBLEM_TYPES.keys()


@pytest.mark.parametrize("reason", ANSWERS)
def test_the_server_s_own_answers_have_a_type(reason: str) -> None:
    """The phrase in the status line is the title."""
    head, _, body = ANSWERS[reason].partition(b"\r\n\r\n")
    status, phrase = re.fullmatch(r"HTTP/1.1 (\d+) (.+)", head.decode().split("\r\n")[0]).groups()  # type: ignore[union-attr] # it matches

    known = PROBLEM_TYPES[int(status)]
    assert phrase == known.title
    assert f'"type":"{known.uri}","title":"{known.title}","status":{status},"detail":"'.encode() in body
    assert f"content-length: {len(body)}\r\n" in head.decode() + "\r\n"


@pytest.mark.parametrize("known", PROBLEM_TYPES.values(), ids=lambda known: known.name)
def test_titles_are_those_of_the_rfcs(known: ProblemType) -> None:
    """The phrase of the status, the name made of it, and whole sentences."""
    assert known.title == RENAMED.get(known.status, HTTPStatus(known.status).phrase)
    assert known.name == known.title.lower().replace(" ", "-")
    assert known.uri == f"/problems/{known.name}"
    assert all(re.fullmatch(r"[A-Z][^<>&]+[.]", text) for text in (known.meaning, known.remedy))


def test_a_status_without_a_type() -> None:
    """It says no more than its status."""
    assert type_and_title(418)[0] == type_and_title(499)[0] == NO_TYPE
    assert meaning(499) == "Error."
