"""Which braces are ours.

A template file is written with delimiters of its own, `<%= expression %>` and `<% statement %>`, because every other
pair is somebody else's text: `${{ github.ref }}`, `{{ $value }}`, `{% ansible %}`. Names of files keep `{{ }}`:
cookiecutter looks for the service's directory by them.
"""

import functools
import re
from pathlib import Path

from jinja2 import Environment

from .ownership import THE_LEAST, chosen
from .repository import QUESTIONS, ROOT, SERVICE_DIRECTORY

_DELIMITERS = re.compile(r"<%=(?P<expression>.*?)%>|<%(?P<statement>.*?)%>|(?P<foreign>\{\{|\{%|\{##)")


def preprocess(environment: Environment, text: str, name: str | None) -> str:
    """Render templates, file names and hooks as Jinja, and nothing else.

    With `--no-input`, cookiecutter renders the answers as templates too. Those arrive without a name, before any file
    is loaded, and come out as they were given.
    """
    if name is not None:
        return _contents(text)
    if environment.loader is not None:
        return _name_of_file(text)
    if text in _hooks():
        return _contents(text)
    return _answer_or_default(text)


def _contents(text: str) -> str:
    """Translate our delimiters into Jinja's, and make text of what Jinja would take for its own."""
    return _DELIMITERS.sub(_translated, text)


def _translated(match: re.Match[str]) -> str:
    if match["foreign"]:
        return f'{{{{ "{match["foreign"]}" }}}}'
    return f"{{{{{match['expression']}}}}}" if match["statement"] is None else f"{{%{match['statement']}%}}"


def _name_of_file(path: str) -> str:
    """Render the name of an unchosen file to nothing, which makes cookiecutter skip it."""
    # An absolute path is a directory, already joined to the output: these must have a name.
    if Path(path).is_absolute() or chosen(THE_LEAST, Path(path).as_posix()):
        return path
    return f"{{% if chosen(cookiecutter, {Path(path).as_posix()!a}) %}}{path}{{% endif %}}"


def _answer_or_default(text: str) -> str:
    """Keep an answer literal, even one that reads like a default or like the directory's name.

    Before a default is shown, the answers typed so far are looked at, while they can still be corrected.
    """
    questions = list(QUESTIONS)
    rendered_when = {
        QUESTIONS[question]: f"(cookiecutter | list)[-1:] == {[questions[index - 1]]}"
        for index, question in enumerate(questions)
        if question in {"project_slug", "package_name"}
    }
    rendered_when[SERVICE_DIRECTORY] = "cookiecutter._template is defined and accepted(cookiecutter)"
    literal = f"{{{{ {text!a} }}}}"
    if text not in rendered_when:
        return f"{{{{ asked_again(cookiecutter) }}}}{literal}"
    return (
        f"{{{{ asked_again(cookiecutter) }}}}{{% if {rendered_when[text]} %}}{text}{{% else %}}{literal}{{% endif %}}"
    )


@functools.cache
def _hooks() -> frozenset[str]:
    return frozenset(path.read_text(encoding="utf-8") for path in (ROOT / "hooks").glob("*.py"))
