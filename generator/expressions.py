"""Undefined names in the template's files, found before anything is written."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from .repository import TEMPLATE, files_below

_ADDED_BY_THE_TOOLS = frozenset({"_template", "_output_dir", "_repo_dir", "_checkout", "_commit"})
_PLAIN = Environment(autoescape=False)  # noqa: S701 - it only parses names of files


def misspelt(environment: Environment, answers: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each undefined name in a file of the template, or in a file's name."""
    for path in files_below(TEMPLATE):
        try:
            if "{{" in path:
                yield from _in(_PLAIN.parse(path), path, environment, answers)
            content = (TEMPLATE / path).read_bytes()
            if b"<%" in content:
                yield from _in(environment.parse(content.decode(), path), path, environment, answers)
        except TemplateSyntaxError as error:
            yield f"{path}, line {error.lineno}: {error.message}"


def _in(template: nodes.Template, path: str, environment: Environment, answers: Mapping[str, Any]) -> Iterator[str]:
    known = {*environment.globals, "cookiecutter", "_cookiecutter"}
    for name in sorted(meta.find_undeclared_variables(template) - known):
        yield f"{path}: {name!r} is not defined{_near(name, known)}"
    for node in template.find_all(nodes.Getattr):
        of_answers = isinstance(node.node, nodes.Name) and node.node.name == "cookiecutter"
        if of_answers and node.attr not in answers and node.attr not in _ADDED_BY_THE_TOOLS:
            yield f"{path}: 'cookiecutter.{node.attr}' is not defined{_near(node.attr, answers)}"


def _near(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean {near[0]}?" if near else "."
