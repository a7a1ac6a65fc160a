"""Bad answers are refused in one sentence; unusual text is emitted literally."""

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import Generate
from markdown_it import MarkdownIt
from template import EVERYTHING, Machine, files

from generator.taken_names import DISTRIBUTIONS

LONG = "a" * 41
REFUSED = [
    ({"project_slug": "Acme"}, "project_slug 'Acme' must be"),
    ({"project_slug": "1acme"}, "project_slug '1acme' must be"),
    ({"project_slug": "acme-"}, "project_slug 'acme-' must be"),
    ({"project_slug": "acme_links"}, "project_slug 'acme_links' must be"),
    ({"project_slug": "../escape"}, "project_slug '../escape' must be"),
    ({"project_slug": "deep/er"}, "project_slug 'deep/er' must be"),
    ({"project_slug": ""}, "project_slug '' must be"),
    ({"project_slug": LONG}, f"project_slug '{LONG}' must be"),
    ({"project_slug": "acme\nlinks"}, r"project_slug 'acme\nlinks' must be"),
    ({"project_slug": "prometheus-client", "package_name": "mine"}, "is the name of a dependency"),
    ({"package_name": "class"}, "package_name 'class' is a Python keyword"),
    ({"package_name": "json"}, "package_name 'json' is a module of the standard library"),
    ({"package_name": "starlette"}, "package_name 'starlette' is the import name of a dependency"),
    ({"package_name": "sentry_sdk"}, "is the import name of a dependency"),
    ({"package_name": "firstlight"}, "package_name 'firstlight' is the import name of a dependency"),
    ({"package_name": "google"}, "is the import name of a dependency"),
    ({"package_name": "tests"}, "package_name 'tests' is taken by the tests"),
    ({"project_slug": "null", "package_name": "mine"}, "project_slug 'null' is a word of YAML or TOML; choose another"),
    ({"project_slug": "yes", "package_name": "mine"}, "project_slug 'yes' is a word of YAML or TOML"),
    ({"project_slug": "true", "package_name": "mine"}, "project_slug 'true' is a word of YAML or TOML"),
    ({"project_slug": "~"}, "project_slug '~' must be"),
    ({"project_slug": "uv"}, "project_slug 'uv' is the name of a dependency"),
    ({"project_slug": "hatchling"}, "project_slug 'hatchling' is the name of a dependency"),
    ({"package_name": "null"}, "package_name 'null' is a word of YAML or TOML"),
    ({"package_name": "acme-links"}, "package_name 'acme-links' must be"),
    ({"package_name": "Acme"}, "package_name 'Acme' must be"),
    ({"package_name": "__import__('os')"}, "must be 1 to 40 characters"),
    ({"package_name": LONG}, f"package_name '{LONG}' must be"),
    ({"project_name": " "}, "project_name must not be empty"),
    ({"project_name": "\u200b\u2060"}, r"project_name '\u200b\u2060' has no visible character"),
    ({"project_name": "\u3164"}, r"project_name '\u3164' has no visible character"),
    ({"project_name": "x" * 101}, "project_name has 101 characters; at most 100 are allowed"),
    ({"description": "x" * 301}, "description has 301 characters; at most 300 are allowed"),
    ({"owner": "\ufe0f\u0301"}, r"owner '\ufe0f\u0301' has no visible character"),
    ({"owner": "x" * 10_000}, "owner has 10000 characters; at most 100 are allowed"),
    ({"owner": ""}, "owner must not be empty"),
    ({"description": ""}, "description must not be empty"),
    ({"python_version": "3.10"}, "python_version '3.10' is not offered; choose one of 3.11, 3.12, 3.13, 3.14"),
    ({"components": "redsi"}, "components: 'redsi' is not offered; answer none, all, or"),
    ({"components": "http_client,none"}, "components: 'none' is not offered"),
    ({"components": ""}, "components: '' is not offered"),
    ({"slo_availability": "99.9"}, "must be a ratio between 0.9 and 1"),
    ({"slo_availability": "0.9"}, "must be a ratio between 0.9 and 1"),
    ({"slo_availability": "1"}, "must be a ratio between 0.9 and 1"),
    ({"slo_availability": "1.0"}, "must be a ratio between 0.9 and 1"),
    ({"slo_availability": "nan"}, "must be a ratio between 0.9 and 1"),
    ({"slo_availability": "0.93"}, "slo_availability '0.93' is too low: the alert that pages at 14.4 times"),
    ({"slo_latency_ms": "300"}, "slo_latency_ms '300' is not a bucket"),
    ({"slo_latency_ms": "300"}, "take 250 or 500."),
    ({"slo_latency_ms": "1"}, "take 5."),
    ({"slo_latency_ms": "60000"}, "take 10000."),
    ({"slo_latency_ms": "0.25"}, "must be a whole number of milliseconds"),
    ({"slo_latency_ms": "9" * 5000}, "must be a whole number of milliseconds"),
    ({"ci": "jenkins"}, "ci 'jenkins' is not offered; choose one of github, github-shared, gitlab, none"),
    (
        {"deploy": "heroku"},
        "deploy: 'heroku' is not offered; answer none, all, or a comma-separated list of kubernetes, ansible",
    ),
    ({"license": "GPL"}, "license 'GPL' is not offered; choose one of MIT, Apache-2.0, BSD-3-Clause, Proprietary"),
    ({"projct_name": "x"}, "'projct_name' is not a question of this template; did you mean project_name?"),
    ({"zzz": "x"}, "'zzz' is not a question of this template; the questions are project_name,"),
    ({"_template": "x"}, "'_template' is not a question of this template"),
]
STRANGE = {
    "quotes": """ "double" 'single' `back` \"\"\" ''' """.strip(),
    "backslashes": r"C:\new\table \u0041 \\ \ ",
    "newlines": "first\nsecond\r\n\n# third\n- fourth",
    "expressions": "{{ 7*7 }} {% for x in y %} {# note #} {##} {{ {{- }} %} {% endraw %} {{",
    "our own expressions": "{{ cookiecutter.project_slug }}",
    "the directory's name": "{{cookiecutter.project_slug}}",
    "a default": "{{ cookiecutter.project_name | slug }}",
    "shell": "$(touch pwned) `touch pwned` ; touch pwned & | > pwned $HOME ${PATH} ~ * ? !",
    "data": "key = [1] # x: - & * ! | > % @ , {a: b} <b>&amp; --- ... \t",
    "other alphabets": "🚀 é ß 東京 עברית \u2028\u2029\u0085\u007f\u0000".replace("\0", "") + "\x1b[31m\ufeff\uffff",
    "numbers": "007",
    "yes": "no",
}


def one_line(text: str) -> str:
    """Fold text as a place for one line holds it."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())


@pytest.mark.parametrize(("answers", "sentence"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_bad_answer_is_refused_in_one_sentence(
    machine: Machine, template: Path, answers: dict[str, str], sentence: str
) -> None:
    """What is wrong and what would be right, a status that stops scripts, nothing on disk."""
    outcome = machine.cookiecutter(template, answers)
    assert outcome.status == 1
    assert sentence in outcome.stderr
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    assert outcome.stdout == ""
    assert list(outcome.directory.iterdir()) == []


def test_the_interview_shows_what_can_be_answered(machine: Machine, template: Path) -> None:
    """Questions without menus: the allowed values stand in the prompt, and Enter takes the default."""
    command = [sys.executable, "-m", "cookiecutter", str(template)]
    interview = machine.run(command, machine.output(), typed="Typed {{ 7*7 }}\n" + "\n" * 11)
    assert interview.service.name == "typed-7-7"
    pipelines, targets = "github, github-shared, gitlab, none", "kubernetes, ansible"
    for shown in ("[12/12]", "(3.11, 3.12, 3.13, 3.14)", "http_client", pipelines, targets):
        assert shown in interview.stdout
    assert "(MIT, Apache-2.0, BSD-3-Clause, Proprietary)" in interview.stdout


def test_a_bad_answer_in_an_interview_is_asked_again_at_once(machine: Machine, template: Path) -> None:
    """With its sentence, before the next question; what is derived from it follows, and nothing has to be retyped."""
    command = [sys.executable, "-m", "cookiecutter", str(template)]
    typed = ["\u200b", "Typed Name", "", "", "", "", "2.7", "3.12", "", "", "", "jenkins", "none", "", "GPL", "MIT"]
    interview = machine.run(command, machine.output(), typed="\n".join([*typed, ""]))
    assert interview.service.name == "typed-name"
    facts = tomllib.loads((interview.service / "pyproject.toml").read_text(encoding="utf-8"))
    assert facts["project"]["requires-python"] == ">=3.12"
    assert not (interview.service / ".github").exists()
    shown = interview.stdout
    order = [
        "[1/12]",
        "no visible character",
        "[2/12]",
        "[6/12]",
        "'2.7' is not offered",
        "[7/12]",
        "'jenkins'",
        "[11/12]",
    ]
    assert [shown.index(sign) for sign in order] == sorted(shown.index(sign) for sign in order)
    assert shown.index("[12/12]") < shown.index("license 'GPL' is not offered")


def test_a_replay_gives_the_same_service(machine: Machine, template: Path) -> None:
    """What was answered once, strange text included, can be generated again."""
    first = machine.cookiecutter(template, {"owner": STRANGE["expressions"]}).service
    replayed = machine.run([sys.executable, "-m", "cookiecutter", "--replay", str(template)], machine.output())
    assert files(replayed.service) == files(first)


def test_a_slug_that_climbs_writes_nowhere(machine: Machine, template: Path) -> None:
    """The check comes before the first directory is made."""
    before = set(machine.directory.rglob("*"))
    output = machine.output()
    machine.cookiecutter(template, {"project_slug": "../a/b"}, directory=output)
    made = set(machine.directory.rglob("*")) - before
    assert {path for path in made if machine.home not in path.parents and path != output} == set()


def test_all_bad_answers_are_named_at_once(machine: Machine, template: Path) -> None:
    """One sentence for each wrong answer."""
    outcome = machine.cookiecutter(template, {"ci": "x", "license": "y", "package_name": "json"})
    assert [line.split()[0] for line in outcome.stderr.splitlines()] == ["package_name", "ci", "license"]


def test_a_bad_answer_is_refused_without_hooks_as_well(machine: Machine, template: Path) -> None:
    """Refusing hooks does not switch the checks off."""
    outcome = machine.cookiecutter(template, {"ci": "x"}, "--accept-hooks", "no")
    assert outcome.status == 1
    assert list(outcome.directory.iterdir()) == []


def test_bytes_that_are_no_text_are_refused(machine: Machine, template: Path) -> None:
    """A terminal in another encoding is told so, instead of a crash half way."""
    outcome = machine.cookiecutter(template, {"owner": "caf\udce9"})
    assert outcome.status == 1
    assert r"owner 'caf\udce9' is not valid UTF-8" in outcome.stderr
    assert list(outcome.directory.iterdir()) == []


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_strange_text_comes_out_literally(machine: Machine, template: Path, text: str) -> None:
    """Parsed back from TOML, YAML, JSON and Markdown, it is the text that was given."""
    answers = {"project_name": text, "description": text, "owner": text}
    service = machine.cookiecutter(template, {**EVERYTHING, **answers}).service
    emitted = {path: content.decode() for path, content in files(service).items()}

    facts = tomllib.loads(emitted[f"src/{package_of(service)}/service.toml"])
    assert (facts["title"], facts["description"], facts["owner"]) == (text, text, text)
    recorded = json.loads(emitted[".cruft.json"])["context"]["cookiecutter"]
    assert {question: recorded[question] for question in answers} == answers
    deployment = yaml.safe_load(emitted["deploy/kubernetes/base/deployment.yaml"])
    assert deployment["metadata"]["annotations"]["owner"] == text
    assert tomllib.loads(emitted["pyproject.toml"])["project"]["description"] == one_line(text)
    assert text.replace("\r\n", "\n") in emitted["LICENSE"].replace("\r\n", "\n")
    heading, description, owner = paragraphs(emitted["README.md"])[:3]
    assert (heading, description) == (one_line(text), one_line(text))
    assert owner == f"Owner, and on call: {one_line(text)}."
    assert "pwned" not in {path.name for path in machine.directory.rglob("*")}


def package_of(service: Path) -> str:
    """Tell the package from the one directory in src."""
    (package,) = (service / "src").iterdir()
    return package.name


def paragraphs(markdown: str) -> list[str]:
    """Read the plain text of each block of inline Markdown."""
    blocks = (token.children or [] for token in MarkdownIt().parse(markdown) if token.type == "inline")
    return ["".join(child.content if child.type != "softbreak" else "\n" for child in block) for block in blocks]


@pytest.mark.parametrize("name", ["🚀", "42", "Ünïcode Näme", "x" * 100, "--", "東京 Links", "no", "Requests", "JSON"])
def test_any_name_derives_a_valid_slug(machine: Machine, template: Path, name: str) -> None:
    """No name makes the derived slug invalid."""
    service = machine.cookiecutter(template, {"project_name": name}).service
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,39}", service.name)


def test_components_come_in_the_manifest_s_order(machine: Machine, template: Path) -> None:
    """Spaces, order and repetition in the list do not matter."""
    one = files(machine.cookiecutter(template, {"deploy": "kubernetes,ansible"}).service)
    other = files(machine.cookiecutter(template, {"deploy": " ansible , kubernetes,ansible"}).service)
    assert one.pop(".cruft.json")
    assert other.pop(".cruft.json")
    assert one == other


def test_answers_from_a_person_s_configuration_are_literal_too(machine: Machine, template: Path) -> None:
    """`default_context` is rendered like an answer from the command line."""
    config = machine.directory / "config.yaml"
    config.write_text("default_context: {owner: '{{ 7*7 }} {%'}\n", encoding="utf-8")
    service = machine.cookiecutter(template, {}, "--config-file", str(config)).service
    facts = tomllib.loads((service / "src/acme_links/service.toml").read_text(encoding="utf-8"))
    assert facts["owner"] == "{{ 7*7 }} {%"


def test_every_dependency_s_name_is_taken(generate: Generate) -> None:
    """A new dependency has to be added to the names a service cannot have."""
    service = generate(**EVERYTHING)
    files = (service / "pyproject.toml", service / "vendor/firstlight/pyproject.toml")
    own, library = (tomllib.loads(file.read_text(encoding="utf-8")) for file in files)
    requirements = {
        *own["project"]["dependencies"],
        *own["dependency-groups"]["dev"],
        *library["project"]["dependencies"],
        *(name for extra in library["project"]["optional-dependencies"].values() for name in extra),
    }
    assert {re.split(r"[<>=\[]", requirement)[0] for requirement in requirements} - DISTRIBUTIONS == set()
