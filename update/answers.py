"""The answers of the service: those that `.cruft.json` records, and those that ANSWERS changes."""

import json
import os
from collections.abc import Mapping

from .failure import UpdateError
from .template import Template

# The Makefile passes ANSWERS under this name, as typed: make would expand the dollar signs of an exported variable.
VARIABLE = "UPDATE_ANSWERS"
EXAMPLE = """'{"slo_availability": "0.9995"}'"""


def changed_answers() -> Mapping[str, str]:
    """The answers to change. Raises `UpdateError` for anything but an object of texts."""
    text = os.environ.get(VARIABLE) or os.environ.get("ANSWERS") or "{}"
    try:
        answers = json.loads(text)
    except ValueError:
        answers = None
    if not isinstance(answers, dict) or not all(isinstance(value, str) for value in answers.values()):
        msg = f"ANSWERS must be a JSON object of texts, such as {EXAMPLE}."
        raise UpdateError(msg)
    return answers


def refuse_unknown(answers: Mapping[str, str], template: Template) -> None:
    """Raise `UpdateError` for an unknown question. cruft would accept it and change nothing."""
    questions = [name for name in json.loads(template.read("cookiecutter.json")) if not name.startswith("_")]
    for name in answers:
        if name not in questions:
            msg = f"ANSWERS has {name}, which is no question of the template; they are {', '.join(questions)}."
            raise UpdateError(msg)
