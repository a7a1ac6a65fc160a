"""The rule of every question. Answers are checked while they are typed, and again before anything is written."""

import difflib
from collections.abc import Mapping, MutableMapping
from typing import Any

from cookiecutter.prompt import read_user_variable  # type: ignore[import-untyped]

from . import command
from .choices import Rule, list_of, one_of
from .components import COMPONENTS, unmet
from .names import package, slug, wrong_package, wrong_slug
from .objectives import wrong_availability, wrong_latency
from .organisation import FILE, ORGANISATION, default_of
from .ownership import DEPLOY_TARGETS
from .pipelines import PYTHON_VERSIONS, wrong_pipeline
from .prose import text
from .repository import QUESTIONS
from .text import LICENSES

Answers = Mapping[str, Any]


def _wrong_components(answer: str) -> str | None:
    return list_of("components", COMPONENTS)(answer) or unmet(answer)


# A rule returns None, or one sentence: what is wrong and what would be right.
RULES: dict[str, Rule] = {
    "project_name": text("project_name", 100),
    "project_slug": wrong_slug,
    "package_name": wrong_package,
    "description": text("description", 300),
    "owner": text("owner", 100),
    "python_version": one_of("python_version", PYTHON_VERSIONS),
    "components": _wrong_components,
    "slo_availability": wrong_availability,
    "slo_latency_ms": wrong_latency,
    "ci": wrong_pipeline,
    "deploy": list_of("deploy", DEPLOY_TARGETS),
    "license": one_of("license", LICENSES),
}
HOOKS_REFUSED = (
    "This template needs its hook, which copies the service's library and rules; allow it: --accept-hooks yes."
)


def refuse_unknown_questions() -> None:
    """Refuse a misspelt question. Cookiecutter would ignore it and use the default answer."""
    for question in command.given():
        if question not in RULES:
            near = difflib.get_close_matches(question, RULES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the questions are {', '.join(RULES)}."
            msg = f"{question!r} is not a question of this template; {hint}"
            raise SystemExit(msg)


def refuse_bad_defaults() -> None:
    """Refuse an organisation's default that nobody could give as an answer."""
    found = {name: RULES[name](str(value)) for name, value in ORGANISATION["defaults"].items()}
    if sentences := [f"{FILE}: defaults.{sentence}" for sentence in found.values() if sentence]:
        raise SystemExit("\n".join(sentences))


def asked_again(answers: MutableMapping[str, Any]) -> str:
    """While questions are asked, repeat each question whose answer is wrong. Renders to nothing."""
    if command.interviewing():
        for question in [question for question in RULES if question in answers]:
            while sentence := RULES[question](str(answers[question])):
                print(sentence)  # noqa: T201 - to the person who is being asked
                answers[question] = read_user_variable(question, _default(question, answers))
    return ""


def _default(question: str, answers: Answers) -> str:
    derived = {"project_slug": ("project_name", slug), "package_name": ("project_slug", package)}
    if question not in derived:
        return default_of(str(QUESTIONS[question]), question)
    origin, derive = derived[question]
    return derive(str(answers[origin]))


def refusals(answers: Answers) -> list[str]:
    """The sentences about wrong answers, at most one for each question."""
    found = {question: sentence for question, rule in RULES.items() if (sentence := rule(str(answers[question])))}
    if "project_slug" in found and answers["package_name"] == package(answers["project_slug"]):
        found.pop("package_name", None)  # derived from the slug, whose sentence is enough
    if not found and command.hooks_refused():
        return [HOOKS_REFUSED]
    return list(found.values())
