"""The files around the code agree with the contract and with each other."""

import json
import re
from pathlib import Path

import pytest
from conftest import Generate
from template import EVERYTHING, Machine

from generator.pipelines import PYTHON_VERSIONS

PLACEHOLDER = re.compile(r"\b(TODO|FIXME|XXX|TBD|lorem)\b", re.IGNORECASE)

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "limits.md"


@pytest.fixture
def service(generate: Generate) -> Path:
    """Generate a service with everything."""
    return generate(**EVERYTHING)


def test_the_readme_names_every_variable_of_the_example(service: Path) -> None:
    """Two lists of settings, one truth."""
    example = (service / ".env.example").read_text(encoding="utf-8")
    readme = (service / "README.md").read_text(encoding="utf-8")
    variables = re.findall(r"^#?([A-Z][A-Z_]+)=", example, re.MULTILINE)
    assert len(variables) > 10
    assert [name for name in variables if f"`{name}`" not in readme] == []


def test_defaults_of_limits_are_the_same_wherever_they_are_named(service: Path) -> None:
    """In the settings, the example of an environment, the README of the service, and the guide."""
    settings = (service / "vendor/firstlight/src/firstlight/settings/settings.py").read_text("utf-8")
    numbers = re.findall(r"^    (\w+): (?:int|float) = Field\(([\d_.]+),", settings, re.MULTILINE)
    defaults = {name.upper(): value.replace("_", "") for name, value in numbers}
    example = dict(re.findall(r"^#?(\w+)=(\S+)$", (service / ".env.example").read_text("utf-8"), re.MULTILINE))
    places = {".env.example": example}
    for page in (service / "README.md", GUIDE):
        rows = re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([^|]+) \|", page.read_text("utf-8"), re.MULTILINE)
        cells = [(re.findall(r"[A-Z_]+", names), re.findall(r"[^\s,`]+", values)) for names, values in rows]
        places[page.name] = {name: value for names, values in cells for name, value in zip(names, values, strict=False)}

    for place, named in places.items():
        limits = {name for name in defaults.keys() & named.keys() if not name.startswith("OTEL_")}
        assert {"HEAD_SECONDS", "SHED_SECONDS", "MAX_CONNECTIONS"} <= limits, place
        assert {name: named[name] for name in limits} == {name: defaults[name] for name in limits}, place


def test_the_readme_s_paths_exist(service: Path) -> None:
    """Where the README sends people, something is."""
    readme = (service / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|docs|contract|tests|vendor)/[\w./-]*)`", readme)
    package = service / "src/acme_links"
    named_in_package = re.findall(r"`(api/[\w./-]*|\w+\.py)`", readme)
    assert [path for path in named if not (service / path).exists()] == []
    assert [path for path in named_in_package if not (package / path).exists()] == []


def test_the_page_of_the_manifests_names_files_that_are_there(generate: Generate) -> None:
    """In a service without components as well, which has no other kind of process."""
    manifests = generate(deploy="kubernetes") / "deploy/kubernetes"
    named = re.findall(
        r"`((?:base|commands|components|overlays)/[\w./*-]*)`", (manifests / "README.md").read_text("utf-8")
    )
    assert "base/network-policy.yaml" in named
    assert [path for path in named if not any(manifests.glob(path))] == []


def test_the_readme_s_targets_exist(service: Path) -> None:
    """Every `make x` in the README is a target with a line of help."""
    makefile = (service / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    readme = (service / "README.md").read_text(encoding="utf-8")
    assert {"run", "test", "check", "fmt", "lock", "help"} <= targets
    named = set(re.findall(r"(?:`|^)make ([a-z]+)(?![a-z-])", readme, re.MULTILINE))
    assert {"up", "image"} <= named <= targets


def test_help_lists_every_target(machine: Machine, service: Path) -> None:
    """`make` alone explains itself, without installing anything."""
    done = machine.run(["make"], service)
    assert done.status == 0
    listed = re.findall(r"^  make ([a-z]+) ", done.stdout, re.MULTILINE)
    phony = re.findall(r"^\.PHONY: (.*)$", (service / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == phony[0].split()


def test_nothing_is_left_to_be_done(service: Path) -> None:
    """No stub and no reminder is emitted."""
    texts = {path: path.read_text(encoding="utf-8") for path in service.rglob("*") if path.is_file()}
    assert [path for path, text in texts.items() if path.name != "LICENSE" and PLACEHOLDER.search(text)] == []


def test_the_state_for_updates_is_json(service: Path) -> None:
    """A person can read which version of the template a service is on."""
    state = json.loads((service / ".cruft.json").read_text(encoding="utf-8"))
    assert re.fullmatch("[0-9a-f]{40}", state["commit"])


@pytest.mark.parametrize("python_version", PYTHON_VERSIONS)
def test_the_code_is_clean_for_every_python_offered(machine: Machine, template: Path, python_version: str) -> None:
    """A newer Python asks for newer syntax only where the code uses none."""
    service = machine.cookiecutter(template, {**EVERYTHING, "python_version": python_version}).service
    for command in (["ruff", "check", "--output-format", "concise", "."], ["ruff", "format", "--diff", "."]):
        done = machine.run(command, service)
        assert done.status == 0, done.stdout
