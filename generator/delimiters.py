"""The template's delimiters, translated into Jinja's.

Files of the template use `<%= expression %>` and `<% statement %>`, because workflows, rules and roles use Jinja's for
themselves: `${{ github.ref }}`, `{{ $value }}`, `{% if ansible %}`. Names of files use `{{ }}`, because cookiecutter
finds the service's directory by them.
"""

import functools
import re
from pathlib import Path

from jinja2 import Environment

from .brought import replaceable
from .ownership import THE_LEAST, chosen
from .repository import DEFAULTS, ROOT, SERVICE_DIRECTORY, SOURCES

_DELIMITERS = re.compile(r"<%=(?P<expression>.*?)%>|<%(?P<statement>.*?)%>|(?P<foreign>\{\{|\{%|\{##)")


def preprocess(environment: Environment, text: str, name: str | None) -> str:
    """Translate a source for Jinja: the content or the name of a file, a hook, or an answer.

    With `--no-input`, cookiecutter renders the answers as templates too. They have no name and come before any file is
    loaded; they stay literal.
    """
    if name is not None:
        return _contents(text)
    if environment.loader is not None:
        return _name_of_file(text)
    if text in _hooks():
        return _contents(text)
    return _answer_or_default(text)


def _contents(text: str) -> str:
    """Translate the template's delimiters into Jinja's, and escape Jinja's own, which are text here."""
    return _DELIMITERS.sub(_translated, text)


def _translated(match: re.Match[str]) -> str:
    if match["foreign"]:
        return f'{{{{ "{match["foreign"]}" }}}}'
    return f"{{{{{match['expression']}}}}}" if match["statement"] is None else f"{{%{match['statement']}%}}"


def _name_of_file(path: str) -> str:
    """Render the name of a file that is not chosen to nothing, which makes cookiecutter skip it."""
    # An absolute path is a directory, already joined to the output. Directories must have a name.
    place = Path(path).as_posix()
    if Path(path).is_absolute() or (chosen(THE_LEAST, place) and place not in _replaceable()):
        return path
    return f"{{% if emitted(cookiecutter, {place!a}) %}}{path}{{% endif %}}"


def _answer_or_default(text: str) -> str:
    """Keep an answer literal, even one that equals a default or the directory's name.

    Before a default is shown, the answers so far are checked, because they can still be corrected then.
    """
    questions = list(SOURCES)
    rendered_when = {
        SOURCES[question]: f"(cookiecutter | list)[-1:] == {[questions[index - 1]]}"
        for index, question in enumerate(questions)
        if question in {"project_slug", "package_name", *DEFAULTS}
    }
    rendered_when[SERVICE_DIRECTORY] = "cookiecutter._template is defined and accepted(cookiecutter)"
    literal = f"{{{{ {text!a} }}}}"
    if text not in rendered_when:
        return f"{{{{ asked_again(cookiecutter) }}}}{literal}"
    return (
        f"{{{{ asked_again(cookiecutter) }}}}{{% if {rendered_when[text]} %}}{text}{{% else %}}{literal}{{% endif %}}"
    )


@functools.cache
def _replaceable() -> frozenset[str]:
    return replaceable()


@functools.cache
def _hooks() -> frozenset[str]:
    return frozenset(path.read_text(encoding="utf-8") for path in (ROOT / "hooks").glob("*.py"))
