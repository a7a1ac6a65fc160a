"""The entries in Backstage, held against its own schemas: catalog-info.yaml of a service, and template.yaml."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import Generate
from referencing import Registry, Resource
from template import ROOT, Machine

from generator.answers import RULES
from generator.components import COMPONENTS
from generator.contract import LATENCY_BUCKETS_MS
from generator.names import team
from generator.organisation import read
from generator.ownership import DEPLOY_TARGETS
from generator.pipelines import PIPELINES, PYTHON_VERSIONS
from generator.repository import QUESTIONS
from generator.text import LICENSES

Json = dict[str, Any]
Validator = Callable[[Json, str], list[str]]

needs_node = pytest.mark.skipif(
    not (shutil.which("npm") or os.environ.get("CI")), reason="needs npm: apt-get install npm, or Node.js 18 or newer"
)
PACKAGES = {  # version, and the integrity that npm records for it
    "@backstage/catalog-model": (
        "1.10.1",
        "sha512-Bya4F+FsOQbDpp9YqeJCD3ATXZ7KZIvB6+kWp5sEazsms4aWs5iCe2/GCi0GxCVuy67HsrOktOttf1DMsecHig==",
    ),
    "@backstage/plugin-scaffolder-common": (
        "2.3.0",
        "sha512-1OXFczRutmHmWdNl5KUa2y8mQY82vg7/TUB6RvCNrD7xuQeVo3RTQYm7Rhyw5JFViSvnL3jlwL5GKhRI/VhqYg==",
    ),
}
KINDS = {
    "Component": ("schema/kinds/Component.v1alpha1", "schema/EntityMeta", "schema/EntityEnvelope", "schema/Entity"),
    "Template": ("Template.v1beta3",),
}
NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
TAG = re.compile(r"[a-z0-9:+#]+(-[a-z0-9:+#]+)*")
AWKWARD = [
    "Platform Team",
    "Team \"Quick\": #1, 'best' & \\ <b>",
    "Ärger über Ölfässer: ja",
    "🎉",
    "x" * 100,
]
ORGANISATION = """
name = "Acme"
handle = "acme/shop"

[catalogue]
system = "no"
dashboards = "https://grafana.example.com/"
runbooks = "https://ops.example.com/runbooks"
"""
FIXED = {  # questions with a fixed set of answers
    "python_version": PYTHON_VERSIONS,
    "slo_latency_ms": tuple(map(str, LATENCY_BUCKETS_MS)),
    "ci": PIPELINES,
    "license": tuple(LICENSES),
}
LISTS = {"components": tuple(sorted(COMPONENTS)), "deploy": DEPLOY_TARGETS}


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Registry[Any]:
    """Backstage's schemas by their `$id`, out of its packages, without the packages that those depend on."""
    directory = tmp_path_factory.mktemp("backstage")
    named = [f"{name}@{version}" for name, (version, _) in PACKAGES.items()]
    packed = subprocess.run(
        ["npm", "pack", "--silent", "--json", *named], cwd=directory, check=True, capture_output=True
    )
    answers = json.loads(packed.stdout)
    assert {each["name"]: (each["version"], each["integrity"]) for each in answers} == PACKAGES
    for each in answers:
        (directory / each["name"]).mkdir(parents=True)
        # By tar: the oldest 3.11 have no filter for archives, and the newest Pythons warn without one.
        unpack = ["tar", "--extract", "--file", each["filename"], "--directory", each["name"]]
        subprocess.run(unpack, cwd=directory, check=True)
    files = [str(file) for file in directory.rglob("*.schema.json.cjs.js")]
    program = "console.log(JSON.stringify(process.argv.slice(1).map((file) => require(file).default)))"
    printed = subprocess.run(["node", "-e", program, *files], check=True, capture_output=True)
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in json.loads(printed.stdout)]
    return Registry().with_resources(resources)


@pytest.fixture
def faults(schemas: Registry[Any]) -> Validator:
    """What Backstage would say about an entity of a kind."""

    def found(entity: Json, schema: str) -> list[str]:
        checker = jsonschema.Draft7Validator({"$ref": schema}, registry=schemas)
        names = [entity["metadata"]["name"]]
        odd = [name for name in names if not NAME.fullmatch(name)]
        odd += [tag for tag in entity["metadata"].get("tags", []) if not TAG.fullmatch(tag)]
        return [error.message for error in checker.iter_errors(entity)] + odd

    return found


def entry(service: Path) -> Json:
    """The entry of a service."""
    found: Json = yaml.safe_load((service / "catalog-info.yaml").read_text("utf-8"))
    return found


@needs_node
@pytest.mark.parametrize("owner", AWKWARD)
def test_the_entry_of_a_service_is_valid(generate: Generate, faults: Validator, owner: str) -> None:
    """For awkward answers too, which stay whole."""
    found = entry(generate(owner=owner, project_name=owner, project_slug="acme-links", description=owner))
    assert faults(found, "ComponentV1alpha1") == []
    assert (found["metadata"]["title"], found["metadata"]["description"]) == (owner, owner)
    assert found["spec"]["owner"] == f"group:default/{team(owner)}"
    assert found["metadata"]["annotations"]["backstage.io/template-version"]


@needs_node
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda found: found["spec"].pop("owner"), "'owner' is a required property"),
        (lambda found: found["spec"].update(lifecycle=""), "'' should be non-empty"),
        (lambda found: found["metadata"].update(annotations={"a": 1}), "1 is not of type 'string'"),
        (lambda found: found.update(apiVersion="v1"), "'v1' is not one of"),
        (lambda found: found["metadata"].update(name="a b"), "a b"),
    ],
)
def test_the_schemas_tell_what_is_wrong(
    generate: Generate, faults: Validator, change: Callable[[Json], object], sentence: str
) -> None:
    """One mistake at a time."""
    found = entry(generate())
    change(found)
    assert any(sentence in each for each in faults(found, "ComponentV1alpha1"))


def owners(service: Path) -> list[list[str]]:
    """The rows of CODEOWNERS, which have no quotes and no comment behind them."""
    lines = (service / "CODEOWNERS").read_text("utf-8").splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("owner", AWKWARD)
def test_nobody_is_named_whose_handle_is_unknown(generate: Generate, owner: str) -> None:
    """The template does not know its organisation, so only comments say what to write."""
    service = generate(owner=owner, project_name=owner, project_slug="acme-links", description=owner)
    assert owners(service) == []
    assert f"#     * @organisation/{team(owner)}\n" in (service / "CODEOWNERS").read_text("utf-8")


@pytest.fixture(scope="module")
def acme(shared: Machine) -> Path:
    """An organisation's copy of the template."""
    template = shared.template("of-an-organisation")
    (template / "organisation.toml").write_text(ORGANISATION, encoding="utf-8")
    return template


@needs_node
@pytest.mark.parametrize(("ci", "forge"), [("github", "github.com"), ("gitlab", "gitlab.com"), ("none", "")])
def test_an_organisation_names_its_teams(machine: Machine, acme: Path, faults: Validator, ci: str, forge: str) -> None:
    """In CODEOWNERS at the one place that GitHub and GitLab both read, and in the catalogue."""
    service = machine.cookiecutter(acme, {"owner": "Team: Ölfass", "ci": ci}).service
    assert owners(service) == [["*", "@acme/shop/team-olfass"]]
    found = entry(service)
    assert faults(found, "ComponentV1alpha1") == []
    slugs = {name: value for name, value in found["metadata"]["annotations"].items() if "project-slug" in name}
    assert slugs == ({f"{forge}/project-slug": "acme/shop/acme-links"} if forge else {})
    assert found["spec"]["system"] == "no"  # a word of YAML
    assert [link["url"] for link in found["metadata"]["links"]] == [
        "https://grafana.example.com/d/firstlight-service?var-service=acme-links",
        "https://ops.example.com/runbooks",
    ]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("handle = '@acme'", "handle must be the organisation's name on GitHub or GitLab"),
        ("[catalogue]\nsystem = 'a b'", "catalogue.system must be the system in Backstage"),
        ("[catalogue]\nrunbooks = 'https://me:secret@x/'", "catalogue.runbooks must be a URL"),
        ("[catalogue]\ndashboards = ['x']", "catalogue.dashboards must be a URL"),
    ],
)
def test_a_bad_organisation_is_one_sentence(table: str, sentence: str) -> None:
    """It says what is wrong and what would be right, and never shows a password."""
    with pytest.raises(SystemExit, match=r"^organisation\.toml: ") as refused:
        read(f"name = 'Acme'\n{table}")
    assert str(refused.value).startswith(f"organisation.toml: {sentence}")
    assert "secret" not in str(refused.value)


# --- the template ---------------------------------------------------------------------------------------------------

TEMPLATE = yaml.safe_load((ROOT / "template.yaml").read_text("utf-8"))


def fields() -> dict[str, Any]:
    """The fields of the form by name, without that of the repository."""
    *pages, last = TEMPLATE["spec"]["parameters"]
    assert list(last["properties"]) == ["repoUrl"]
    return {name: field for page in pages for name, field in page["properties"].items()}


@needs_node
def test_the_template_is_valid(faults: Validator) -> None:
    """And its schema tells what is wrong."""
    assert faults(TEMPLATE, "TemplateV1beta3") == []
    spec = {name: value for name, value in TEMPLATE["spec"].items() if name != "steps"}
    assert faults({**TEMPLATE, "spec": spec}, "TemplateV1beta3") == ["'steps' is a required property"]


def test_the_form_asks_the_questions_of_cookiecutter() -> None:
    """In their order, in their words, with their defaults and choices."""
    questions = {name: default for name, default in QUESTIONS.items() if not name.startswith("_")}
    assert list(fields()) == list(questions) == list(RULES)
    assert {name: field["title"] for name, field in fields().items()} == QUESTIONS["__prompts__"]
    for name, field in fields().items():
        shown = field.get("default", field.get("ui:placeholder"))
        derived = "{{" in questions[name]
        assert shown == (None if derived else [] if name in LISTS else questions[name]), name
        assert tuple(field.get("enum", ())) == FIXED.get(name, ()), name
        assert tuple(field.get("items", {}).get("enum", ())) == LISTS.get(name, ()), name


def test_the_form_accepts_nothing_that_the_generator_refuses() -> None:
    """As far as a pattern can tell."""
    for name, answers in {
        "project_slug": ["acme-links", "a", "Acme", "-a", "a-", "1a", "a" * 41],
        "package_name": ["acme_links", "Acme", "_a", "1a", "a-b", "a" * 41],
        "project_name": ["Acme", "x" * 101],
        "owner": ["Team", "x" * 101],
        "description": ["Links.", "x" * 301],
        "slo_availability": ["0.999", "1", "x", "99.9"],
    }.items():
        accepted = [each for each in answers if jsonschema.Draft7Validator(fields()[name]).is_valid(each)]
        assert accepted == [each for each in answers if RULES[name](each) is None], name


def test_every_answer_reaches_the_generator() -> None:
    """By its own name."""
    values = TEMPLATE["spec"]["steps"][0]["input"]["values"]
    assert values == {name: f"${{{{ parameters.{name} }}}}" for name in fields()}


def test_services_name_this_template(generate: Generate) -> None:
    """As the one that they come from."""
    origin = entry(generate())["metadata"]["annotations"]["backstage.io/source-template"]
    assert origin == f"template:default/{TEMPLATE['metadata']['name']}"


STUB = """
import { spawn } from "node:child_process";
export const createTemplateAction = (action) => action;
export const executeShellCommand = ({ command, args, logger }) =>
  new Promise((resolve, reject) =>
    spawn(command, args, { stdio: "inherit" }).on("close", (code) => (code ? reject(new Error(command)) : resolve())));
"""
RUN = """
import { generateService } from "./generate.mjs";
const [workspacePath, input] = process.argv.slice(2);
await generateService.handler({ workspacePath, input: JSON.parse(input), logger: console });
"""


@needs_node
def test_the_action_generates_a_service(machine: Machine, template: Path) -> None:
    """The action itself in Node.js, with a stand-in for Backstage's two functions, and the real cookiecutter."""
    directory = machine.output()
    package = directory / "node_modules/@backstage/plugin-scaffolder-node"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"type": "module", "exports": "./index.js"}', "utf-8")
    (package / "index.js").write_text(STUB, "utf-8")
    (directory / "run.mjs").write_text(RUN, "utf-8")
    shutil.copy(ROOT / "backstage/generate.ts", directory / "generate.mjs")
    workspace = directory / "workspace"
    workspace.mkdir()
    values = {name: field["default"] for name, field in fields().items() if "default" in field}
    values |= {"project_name": "Päckchen", "project_slug": "", "description": 'Say "hi": #1', "owner": "Öl & Gas"}
    values |= {"components": ["http_client"], "deploy": [], "slo_availability": "0.995"}
    answers = json.dumps({"template": str(template), "checkout": "main", "values": values})
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = machine.run(["env", f"PATH={path}", "node", "run.mjs", str(workspace), answers], directory)
    assert done.status == 0, done.stdout + done.stderr
    written = (workspace / "src/packchen/service.toml").read_text("utf-8")
    assert 'title = "Päckchen"' in written
    assert 'components = ["http_client"]' in written
    assert entry(workspace)["metadata"]["description"] == 'Say "hi": #1'
    assert not [path for path in workspace.iterdir() if path.name.startswith(".firstlight")]
    refused = json.dumps({"template": str(template), "values": {**values, "project_slug": "-"}})
    done = machine.run(["env", f"PATH={path}", "node", "run.mjs", str(workspace), refused], directory)
    assert done.status != 0
    assert "project_slug '-' must be 1 to 40 characters" in done.stderr
