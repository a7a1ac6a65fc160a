"""The emitted files, for every way to generate and every kind of answer."""

import json
import re
import sys
import time
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import Generate
from template import EVERYTHING, ROOT, SERVICE_DIRECTORY, Machine, files

from generator.components import COMPONENTS
from generator.mounts import MOUNTS
from generator.ownership import component_of, of_a_field

QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
TREES = {mount.tree: mount.place for mount in MOUNTS if not mount.whole}
OTHER_ANSWERS = {
    "project_name": "Other Name",
    "project_slug": "other-slug",
    "package_name": "other_package",
    "description": "Something else.",
    "owner": "Other Team",
    "python_version": "3.12",
    "components": "all",
    "slo_availability": "0.99",
    "slo_latency_ms": "500",
    "ci": "gitlab",
    "deploy": "all",
    "license": "Apache-2.0",
}
COMBINATIONS = [
    {},
    EVERYTHING,
    {**EVERYTHING, "ci": "gitlab"},
    {"ci": "none"},
    {"deploy": "kubernetes"},
    {"deploy": "ansible"},
    *({"components": name} for name in COMPONENTS),
]


def text_files(service: Path) -> dict[str, str]:
    """Read everything emitted but the record of the answers."""
    return {path: content.decode() for path, content in files(service).items() if path != ".cruft.json"}


def test_there_are_at_most_twelve_questions_each_with_a_prompt() -> None:
    """At most twelve, each with a prompt and a tested alternative answer."""
    asked = [question for question in QUESTIONS if not question.startswith("_")]
    assert len(asked) <= 12
    assert list(QUESTIONS["__prompts__"]) == asked
    assert sorted(OTHER_ANSWERS) == sorted(asked)


def test_prompts_name_every_component() -> None:
    """Who is asked sees what can be answered, and nothing else."""
    listed = ", ".join(sorted(COMPONENTS))
    assert QUESTIONS["__prompts__"]["components"] == f"Components: none, all, or a comma list of {listed}"


def test_relative_path_absolute_path_and_url_give_the_same_service(machine: Machine) -> None:
    """However the template is named, the same files come out; only the record says where from."""
    template = machine.template()
    remote = machine.directory / "firstlight.git"
    machine.git("clone", "--quiet", "--bare", str(template), str(remote), directory=machine.directory)
    outcomes = [
        machine.cookiecutter(template),
        machine.cookiecutter(f"../{template.name}"),
        machine.cookiecutter(remote.as_uri()),
        machine.cookiecutter(".", None, "--output-dir", str(elsewhere := machine.output()), directory=template),
    ]
    services = [*(outcome.service for outcome in outcomes[:3]), elsewhere / "acme-links"]
    assert outcomes[3].status == 0
    expected = text_files(services[0])
    assert all(text_files(service) == expected for service in services[1:])


def test_the_same_answers_give_the_same_bytes(machine: Machine, template: Path, generate: Generate) -> None:
    """A second generation, elsewhere and later, differs in nothing, the record included."""
    again = machine.cookiecutter(template, EVERYTHING).service
    assert files(again) == files(generate(**EVERYTHING))


@pytest.mark.parametrize(("accepting", "typed"), [("no", ""), ("ask", "n\n")])
def test_refused_hooks_are_refused(machine: Machine, template: Path, accepting: str, typed: str) -> None:
    """Without its hook, a service would lack its library and its rules."""
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--accept-hooks", accepting, str(template)]
    outcome = machine.run(command, machine.output(), typed)
    assert outcome.status == 1
    assert outcome.stderr == (
        "This template needs its hook, which copies the service's library and rules; allow it: --accept-hooks yes.\n"
    )
    assert list(outcome.directory.iterdir()) == []


@pytest.mark.parametrize("answers", COMBINATIONS, ids=str)
def test_no_directory_is_left_empty(generate: Generate, answers: dict[str, str]) -> None:
    """Directories without any chosen file are removed."""
    service = generate(**answers)
    assert [path for path in service.rglob("*") if path.is_dir() and not any(path.iterdir())] == []


@pytest.mark.parametrize("question", OTHER_ANSWERS)
def test_every_option_changes_the_output(generate: Generate, question: str) -> None:
    """Every question has an effect."""
    assert text_files(generate(**{question: OTHER_ANSWERS[question]})) != text_files(generate())


def test_every_file_of_the_template_is_emitted_by_some_answers(template: Path, generate: Generate) -> None:
    """No orphan: each file is always emitted, or claimed by one answer."""
    emitted = {path for answers in COMBINATIONS for path in files(generate(**answers))}
    names = {"{{cookiecutter.package_name}}": "acme_links", SERVICE_DIRECTORY: "acme-links"}
    authored = {re.sub("{{.*?}}", lambda name: names[name[0]], path) for path in files(template / SERVICE_DIRECTORY)}
    mounted = {f"{mount.place}/{path}" for mount in MOUNTS for path in mount.files()}
    mounted |= {f"{mount.place}/MANIFEST.sha256" for mount in MOUNTS if mount.whole and (ROOT / mount.tree).exists()}
    homes = [template / "components" / name for name in COMPONENTS]
    trees = [tree for home in homes for tree in (home / "files", *home.glob("files_with/*"))]
    brought = {path for tree in trees for path in files(tree)}
    mounted |= {re.sub("{{.*?}}", lambda name: names[name[0]], path) for path in brought}
    bringing = {path for path in authored if of_a_field(path)}  # tests/made_up has components that bring them
    written = {".template.json"}  # by the hook
    assert authored | mounted | written == emitted | bringing


@pytest.mark.parametrize("component", COMPONENTS)
def test_an_unchosen_component_leaves_no_trace(generate: Generate, component: str) -> None:
    """Not a file, an extra, a variable or a metric: no identifier. The library in `vendor/` has them all."""
    others = ",".join(sorted(COMPONENTS.keys() - {component})) or "none"
    emitted = text_files(generate(**{**EVERYTHING, "components": others}))
    assert [path for path in emitted if component_of(path, tuple(COMPONENTS)) == component] == []
    variables = [row["name"] for field in ("variables", "secrets") for row in COMPONENTS[component][field]]
    identifiers = re.compile(
        "|".join(
            [
                rf"\bcomponents\.{component}\b",
                rf"\b{component}_(?!valid_time:)[a-z]",  # which is Ansible's
                rf"\b{component.upper()}_[A-Z]",
                rf"\b{component.title().replace('_', '')}[A-Z]",
                rf"firstlight-runtime\[[^]]*\b{COMPONENTS[component]['extra'] or component}\b",
                *variables,
            ]
        )
    )
    found = {path: identifiers.findall(text) for path, text in emitted.items() if not path.startswith("vendor/")}
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_chosen_component_brings_its_files_extra_and_variables(generate: Generate, component: str) -> None:
    """Everything that the manifest says is there."""
    emitted = text_files(generate(components=component))
    project = tomllib.loads(emitted["pyproject.toml"])["project"]
    (runtime,) = [name for name in project["dependencies"] if name.startswith("firstlight-runtime")]
    extra = COMPONENTS[component]["extra"]
    assert runtime == (f"firstlight-runtime[{extra}]" if extra else "firstlight-runtime")
    assert f"from firstlight.components.{component} import" in emitted["src/acme_links/service.py"]
    for variable in COMPONENTS[component]["variables"]:
        assert f"{variable['name']}={variable['default']}\n" in emitted[".env.example"]
        assert f"`{variable['name']}`" in emitted["README.md"]


@pytest.mark.parametrize(
    ("chosen", "unchosen"),
    [
        ("github", ".gitlab-ci.yml"),
        ("github", ".gitlab"),
        ("gitlab", ".github"),
        ("none", ".github"),
        ("none", ".gitlab"),
    ],
)
def test_unchosen_pipelines_leave_no_file(generate: Generate, chosen: str, unchosen: str) -> None:
    """A service has the pipelines of one forge only."""
    assert not (generate(ci=chosen) / unchosen).exists()


@pytest.mark.parametrize(
    ("answer", "targets"), [("kubernetes", {"kubernetes"}), ("ansible", {"ansible"}), ("none", set())]
)
def test_unchosen_deploy_targets_leave_no_file(generate: Generate, answer: str, targets: set[str]) -> None:
    """Every service has an image; how it is brought to its hosts is an answer."""
    service = generate(deploy=answer)
    assert {path.name for path in (service / "deploy").iterdir()} == {"image"} | targets
    assert not [path for path in service.rglob("*") if path.stem in {"kubernetes", "ansible"} - targets]


def test_files_of_the_platform_arrive_as_they_lie(generate: Generate) -> None:
    """What has nothing to be written out is copied byte for byte."""
    emitted = generate() / ".github/dependabot.yml"
    assert emitted.read_bytes() == (ROOT / "ci/github/dependabot.yml").read_bytes()


@pytest.mark.parametrize(("tree", "mount"), TREES.items())
def test_trees_of_the_fleet_arrive_as_they_lie(template: Path, generate: Generate, tree: str, mount: str) -> None:
    """A service that stands alone has the fleet's own rules and dashboards, byte for byte."""
    service = generate(**EVERYTHING)
    assert files(template / tree) == files(service / mount)


def test_files_that_are_to_be_kept_are_kept(machine: Machine, template: Path) -> None:
    """Generating the rest around what a team has already changed."""
    output = machine.output()
    mine = output / "acme-links/ops/alerts/rules/slo.rules.yml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    service = machine.cookiecutter(
        template, {}, "--overwrite-if-exists", "--skip-if-file-exists", directory=output
    ).service
    assert mine.read_text() == "mine"
    assert (service / "ops/alerts/rules/service.rules.yml").is_file()


@pytest.mark.parametrize("license_answer", sorted(path.stem for path in (ROOT / "licenses").iterdir()))
def test_each_licence_names_its_owner(generate: Generate, license_answer: str) -> None:
    """The file, the metadata and the answer agree."""
    service = generate(license=license_answer)
    project = tomllib.loads((service / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "Platform Team" in (service / "LICENSE").read_text(encoding="utf-8")
    assert project["license"].removeprefix("LicenseRef-") == license_answer


@pytest.mark.parametrize("answers", COMBINATIONS, ids=str)
def test_emitted_files_look_hand_written(generate: Generate, answers: dict[str, str]) -> None:
    """No template syntax, no stray blank lines, one newline at the end."""
    for path, text in text_files(generate(**answers)).items():
        assert not re.search(r"cookiecutter[.|\s]*[_a-z]*\s*[|}]|\{##", text), path
        assert path.endswith(".j2") or not re.search(r"\{%|%\}", text), path  # those of Ansible are its own
        assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")), path
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), path
        blank_lines = r"\n{4}" if path.endswith(".py") else r"\n{3}"
        outside = re.sub(r"(?s)```python.*?```", "code", text)  # Python in a page has two blank lines as well
        assert path == "LICENSE" or not re.search(blank_lines, outside), path


@pytest.mark.parametrize("answers", COMBINATIONS, ids=str)
def test_emitted_data_files_parse(generate: Generate, answers: dict[str, str]) -> None:
    """Whatever is TOML, YAML or JSON by name is so by content."""
    for path, text in text_files(generate(**answers)).items():
        if path.endswith(".toml"):
            tomllib.loads(text)
        elif path.endswith((".yml", ".yaml")):
            list(yaml.safe_load_all(text))
        elif path.endswith(".json"):
            json.loads(text)


def test_emitted_python_is_chosen_by_loops_not_conditions() -> None:
    """Loops over components need no test for each combination; conditions would."""
    for path, content in files(ROOT / SERVICE_DIRECTORY).items():
        if path.endswith(".py"):
            assert not re.search(rb"<%\s*if\b", content), path


@pytest.mark.parametrize("package", ["acme_links", "a" * 40])
def test_emitted_python_is_formatted_whatever_the_package_is_called(
    machine: Machine, template: Path, package: str
) -> None:
    """A long name moves no line: no import has to be wrapped."""
    service = machine.cookiecutter(template, {**EVERYTHING, "package_name": package}).service
    done = machine.run(["ruff", "format", "--check", "--diff", "."], service)
    assert done.status == 0, done.stdout
    done = machine.run(["ruff", "check", "--output-format", "concise", "."], service)
    assert done.status == 0, done.stdout


def test_an_existing_directory_is_left_alone(machine: Machine, template: Path) -> None:
    """Generating over a service is refused, and nothing in it changes."""
    output = machine.output()
    (output / "acme-links").mkdir()
    (output / "acme-links" / "mine").write_text("mine")
    outcome = machine.cookiecutter(template, directory=output)
    assert outcome.status == 1
    assert "already exists" in outcome.stdout
    assert list(files(output)) == ["acme-links/mine"]


def test_braces_of_other_languages_need_no_escaping(machine: Machine) -> None:
    """Pipelines, rules, dashboards and roles are written in their own syntax."""
    template = machine.template()
    foreign = (
        "${{ github.ref }} {{ $value | humanize }} {{- range .Alerts }}{{ .Labels.x }}{{ end -}} {{label}}\n"
        '{{ inventory_hostname }} ${#array[@]} {# comment? #} f"{{x}}" {{{triple}}} }} {{\n'
    )
    path = template / SERVICE_DIRECTORY / "foreign.txt"
    path.write_text(foreign + "<%= cookiecutter.project_slug %>\n", encoding="utf-8")
    machine.commit(template)
    assert (machine.cookiecutter(template).service / "foreign.txt").read_text(
        encoding="utf-8"
    ) == foreign + "acme-links\n"


def test_what_tools_leave_in_the_template_is_not_emitted(machine: Machine) -> None:
    """A template someone works on generates the same service as a fresh clone."""
    template = machine.template()
    clean = files(machine.cookiecutter(template).service)
    for left in ("__pycache__/conftest.pyc", ".ruff_cache/0.17.6/1", ".venv/bin/python"):
        path = template / SERVICE_DIRECTORY / "tests" / left
        path.parent.mkdir(parents=True)
        path.write_bytes(b"\0")
    service = machine.cookiecutter(template).service
    assert files(service) == clean
    assert not (service / "tests/.venv").exists()


def test_generation_time_is_printed(machine: Machine, template: Path) -> None:
    """The budget is 1.5 s for the defaults and 2.5 s for everything; a timed test would flicker: this one reports."""
    for name, answers in {"defaults": {}, "everything": EVERYTHING}.items():
        output = machine.output()
        start = time.perf_counter()
        outcome = machine.cookiecutter(template, answers, directory=output)
        print(f"generation, {name}: {time.perf_counter() - start:.2f} s, {len(files(outcome.service))} files")
