"""An organisation's own copy of the template: one file of its own, effective in services, untouched by merges."""

import json
import re
import sys
from pathlib import Path

import documents
import history
import pytest
import team
import yaml
from template import EVERYTHING, ROOT, Machine, files

from generator.organisation import FILE, TABLES, TOP, read
from generator.package_index import chosen
from generator.releases import RELEASES, Release
from generator.repository import DEFAULTS, SOURCES

GUIDE = "docs/guides/organisation.md"
ACME = documents.block(ROOT, GUIDE, 'name = "Acme"')
WITHOUT_INDEX = re.sub(r"\[index\].*?\n\n", "", ACME, flags=re.DOTALL)
UPSTREAM = documents.block(ROOT, GUIDE, "git fetch upstream")
SOME = "test_values or between or bad_value or template_has or every_key or derived"  # of the tests, for a copy
ANSWERS = {"components": "all", "deploy": "all", "license": "MIT"}


@pytest.fixture(scope="module")
def copy(shared: Machine) -> Path:
    """A copy of the template with the file of the guide."""
    template = shared.template("acme")
    (template / FILE).write_text(WITHOUT_INDEX, encoding="utf-8")
    shared.commit(template, "Be Acme")
    return template


@pytest.fixture(scope="module")
def service(shared: Machine, copy: Path) -> Path:
    """A service of the organisation."""
    return shared.cookiecutter(copy, ANSWERS).service


def test_the_template_has_no_such_file() -> None:
    """No release has it, so a merge never touches it. In a copy, it is the organisation's, and valid."""
    for path in (ROOT / ".gitignore", ROOT / ".gitattributes"):
        assert FILE not in path.read_text("utf-8")
    if (ROOT / FILE).exists():
        assert read((ROOT / FILE).read_text("utf-8"))["name"]


@pytest.mark.parametrize("entry", RELEASES, ids=lambda entry: entry.version)
def test_no_release_has_the_file(shared: Machine, entry: Release) -> None:
    """A release that brings it would conflict with every copy's."""
    history.need(shared, entry)
    assert history.git(shared, "ls-tree", entry.at, "--", FILE).stdout == ""


def test_the_guide_has_every_key() -> None:
    """In its example and in its table."""
    whole = read(ACME)
    shown = {f"{table}.{key}" for table, fields in TABLES.items() if table != "defaults" for key in fields}
    assert [key for key in shown if whole[key.partition(".")[0]][key.partition(".")[2]] == default(key)] == []
    described = documents.rows(ROOT, GUIDE, "Key", "In a service").keys()
    assert {key.strip("`").partition(".")[0] for key in described} == {*TOP, *TABLES, "labels", "index"}
    assert {key.strip("`") for key in described} >= {f"image.{key}" for key in TABLES["image"]}


def default(key: str) -> object:
    """What the template has."""
    table, _, name = key.partition(".")
    return TABLES[table][name].default


def test_every_default_of_the_alerts_is_in_the_shipped_files() -> None:
    """Otherwise a value of the organisation would change nothing."""
    shipped = "".join(path.read_text("utf-8") for path in (ROOT / "alerts/alertmanager").rglob("*") if path.is_file())
    for key, field in TABLES["alerts"].items():
        assert str(field.default) in shipped, key


def test_defaults_are_of_questions_that_are_not_derived() -> None:
    """The name of a service is nobody's default; slug and package follow from it."""
    others = {name for name in SOURCES if not name.startswith("_")} - DEFAULTS.keys()
    assert others == {"project_name", "project_slug", "package_name", "description"}


def test_a_service_has_what_the_organisation_chose(service: Path) -> None:
    """Image, registry, labels and channels, in every kind of file that names them; nothing of the template is left."""
    emitted = {path: content.decode() for path, content in files(service).items() if not path.startswith("vendor/")}
    dockerfile = emitted["Dockerfile"]
    assert "\nFROM registry.acme.example/mirror/uv:" in dockerfile
    assert "\nFROM registry.acme.example/mirror/python:3.11-slim AS python\n" in dockerfile
    assert dockerfile.endswith('\nLABEL "acme.example/cost-centre"="4711"\n')
    image = "registry.acme.example/apps/acme-links"
    assert f"\nIMAGE ?= {image}\n" in emitted["Makefile"]
    pipelines = "".join(content for path, content in emitted.items() if path.startswith(".github/"))
    assert f"make IMAGE={image} publish sign verify" in pipelines
    assert f"\n          image={image}\n" in pipelines
    assert pipelines.count("registry: registry.acme.example\n") == pipelines.count("docker/login-action@") > 1
    assert pipelines.count("password: ${{ secrets.REGISTRY_PASSWORD }}\n") == pipelines.count("docker/login-action@")
    assert pipelines.count("REGISTRY_USER: ${{ secrets.REGISTRY_USER }}") == 1  # for the hosts of Ansible
    assert "github.actor" not in pipelines
    assert "ghcr.io" not in pipelines.replace("ghcr.io/astral-sh", "")
    routing = emitted["ops/alerts/alertmanager/alertmanager.yml"]
    assert {*re.findall(r"channel: '(.*)'", routing)} == {
        "#acme-alerts",
        "#acme-alerts-unrouted",
        "#acme-alerts-staging",
    }
    assert "location: Europe/Vienna\n" in routing
    assert "example.com" not in routing
    assert (
        '{{ define "link.base" }}https://ops.acme.example{{ end }}'
        in emitted["ops/alerts/alertmanager/templates/links.tmpl"]
    )


def test_kubernetes_objects_have_image_and_labels(service: Path) -> None:
    """In the files that kustomize reads."""
    kubernetes = service / "deploy/kubernetes"
    for path in ("base", "commands"):
        if (kubernetes / path).exists():
            content = yaml.safe_load((kubernetes / path / "kustomization.yaml").read_text("utf-8"))
            assert content["labels"][0]["pairs"]["acme.example/cost-centre"] == "4711"
    for overlay in ("staging", "production"):
        content = yaml.safe_load((kubernetes / "overlays" / overlay / "kustomization.yaml").read_text("utf-8"))
        assert content["images"][0]["newName"] == "registry.acme.example/apps/acme-links"


def test_gitlab_publishes_to_the_organisation_s_registry(machine: Machine, copy: Path) -> None:
    """With credentials of that registry."""
    service = machine.cookiecutter(copy, {**EVERYTHING, "ci": "gitlab"}).service
    text = "".join(path.read_text("utf-8") for path in (service / ".gitlab-ci.yml", *(service / ".gitlab").iterdir()))
    assert "CI_REGISTRY" not in text
    assert "for the hosts" not in text
    assert text.count("IMAGE: registry.acme.example/apps/acme-links\n") == 2
    login = 'docker login --username "$REGISTRY_USER" --password-stdin registry.acme.example\n'
    assert f'echo "$REGISTRY_PASSWORD" | {login}' in text


def test_questions_propose_the_organisation_s_defaults(machine: Machine, copy: Path, service: Path) -> None:
    """To a person and without one. A given answer counts, also one that is the template's default."""
    answers = json.loads((service / ".cruft.json").read_text("utf-8"))["context"]["cookiecutter"]
    assert (answers["owner"], answers["slo_availability"]) == ("Acme Platform", "0.995")
    assert (answers["license"], answers["ci"], answers["slo_latency_ms"]) == ("MIT", "github", "250")
    asked = machine.run([sys.executable, "-m", "cookiecutter", str(copy)], machine.output(), "\n" * 12)
    assert "(Acme Platform)" in asked.stdout
    assert "(Proprietary)" in asked.stdout
    text = (asked.service / "pyproject.toml").read_text("utf-8")
    assert 'license = "LicenseRef-Proprietary"' in text


def test_shared_steps_are_refused_with_another_registry(machine: Machine, copy: Path) -> None:
    """They are in the repository, where they name GitHub's."""
    clone = machine.directory / "clone"
    machine.git("clone", "--quiet", str(copy), str(clone), directory=machine.directory)
    machine.git("remote", "set-url", "origin", "https://github.com/acme/firstlight.git", directory=clone)
    refused = machine.cookiecutter(clone, {"ci": "github-shared"})
    assert refused.stderr == (
        "ci 'github-shared' refers to steps that publish to ghcr.io, "
        "and image.registry of the organisation is another; take github.\n"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = ", "organisation.toml is not TOML: "),
        ("", "organisation.toml: name is missing."),
        ("name = 1", "organisation.toml: name must be a string, and not an empty one."),
        ("nam = 'Acme'", "organisation.toml: nam is unknown; perhaps name.\norganisation.toml: name is missing."),
        ("[image]\nregistri = 'x'", "organisation.toml: image.registri is unknown; perhaps registry."),
        (
            "[metrics]",
            "organisation.toml: metrics is unknown; known are name, handle, image, alerts, catalogue, defaults, ",
        ),
        ("image = 'x'", "organisation.toml: image must be a table, [image]."),
        ("labels = 1", "organisation.toml: labels must be a table, [labels]."),
        ("index = 1", "organisation.toml: index must be a table, [index]."),
        ("handle = '@acme'", "organisation.toml: handle must be the organisation's name on GitHub or GitLab, such as "),
        ("[image]\nregistry = 'https://x.example'", "organisation.toml: image.registry must be a registry with or "),
        ("[image]\nregistry = 'acme'", "organisation.toml: image.registry must be a registry with or without a path, "),
        (
            "[image]\nregistry = 'x.example/Apps'",
            "organisation.toml: image.registry must be a registry with or without",
        ),
        ("[image]\npython = 'python:3.11'", "organisation.toml: image.python must be an image with {version} in its"),
        ("[image]\nuv = 'x.example/uv:1'", "organisation.toml: image.uv must be an image without a tag."),
        ("[alerts]\nslack = 'alerts'", "organisation.toml: alerts.slack must be a channel, such as '#acme-alerts'."),
        ("[alerts]\nemail = 'me'", "organisation.toml: alerts.email must be an address, such as on-call@example.com."),
        ("[alerts]\nlinks = 'https://x/?a=\"'", "organisation.toml: alerts.links must be a URL without a query, such "),
        ("[alerts]\ntime_zone = 'CET +1'", "organisation.toml: alerts.time_zone must be a time zone, such as Europe/"),
        ("[alerts]\nsmtp = 'mail server'", "organisation.toml: alerts.smtp must be a host and a port, such as smtp."),
        ("[alerts]\nsmtp = 'smtp.acme.example'", "organisation.toml: alerts.smtp must be a host and a port, such as "),
        ("handle = 'acme/'", "organisation.toml: handle must be the organisation's name on GitHub or GitLab, such as "),
        ("[labels]\n'a..b/c' = 'x'", "organisation.toml: labels.'a..b/c' must be a label of Kubernetes, such as acme."),
        (
            "[labels]\n'a b' = 'x'",
            "organisation.toml: labels.'a b' must be a label of Kubernetes, such as acme.example",
        ),
        ("[labels]\nteam = 'x'", "organisation.toml: labels.team is the template's; choose another name, such as "),
        ("[labels]\na = 'x y'", "organisation.toml: labels.a must be a string of at most 63 letters, digits, dots, "),
        ("[labels]\na = 1", "organisation.toml: labels.a must be a string of at most 63 letters, digits, dots, "),
        ("[defaults]\nlicence = 'MIT'", "organisation.toml: defaults.licence is unknown; perhaps license."),
        ("[defaults]\nproject_name = 'x'", "organisation.toml: defaults.project_name is unknown; known are owner, "),
        (
            "[defaults]\nslo_latency_ms = 100",
            "organisation.toml: defaults.slo_latency_ms must be a string, and not an ",
        ),
    ],
)
def test_a_bad_value_is_one_sentence(text: str, sentence: str) -> None:
    """It names the key, and says what would be right."""
    given = text if not text.startswith(("[", "image", "labels", "index", "handle")) else f"name = 'Acme'\n{text}"
    with pytest.raises(SystemExit) as refused:
        read(given)
    assert str(refused.value).startswith(sentence)
    assert str(refused.value).count("\n") == sentence.count("\n")


def test_a_bad_default_or_index_stops_generation(machine: Machine) -> None:
    """By the rule of the question; before anything is written."""
    template = machine.template()
    for text, sentence in {
        "[defaults]\npython_version = '3.9'\n": "organisation.toml: defaults.python_version '3.9' is not offered; ",
        "[defaults]\nslo_availability = '2'\n": "organisation.toml: defaults.slo_availability '2' must be a ratio ",
        "[index]\nname = 'acme'\n": "organisation.toml: index.url must begin with https://, http:// or file:// and ",
    }.items():
        (template / FILE).write_text(f"name = 'Acme'\n{text}", encoding="utf-8")
        outcome = machine.cookiecutter(template)
        assert outcome.status == 1
        assert outcome.stderr.startswith(sentence)
        assert outcome.stderr.count("\n") == 1
        assert list(outcome.directory.iterdir()) == []


def test_there_is_one_index() -> None:
    """The organisation's, completed, or the platform's; both are refused."""
    index = {"name": "acme", "url": "https://packages.example.com/simple/"}
    assert chosen(None, index) == {"format": "simple", **index}
    assert chosen(index, None) == index
    with pytest.raises(SystemExit, match=r"^organisation\.toml: index is in platform\.toml as well; keep the one here"):
        chosen(index, index)


def test_a_recorded_answer_survives_the_file(machine: Machine) -> None:
    """A service from before the organisation had defaults keeps its answers, and gets the rest."""
    template = machine.template()
    service = machine.cookiecutter(template).service
    machine.commit(service)
    (template / FILE).write_text(WITHOUT_INDEX, encoding="utf-8")
    machine.commit(template)
    updated = machine.cruft("update", "--skip-apply-ask", directory=service)
    assert updated.status == 0, updated.stderr
    assert 'owner = "Platform Team"' in (service / "src/acme_links/service.toml").read_text("utf-8")
    assert 'license = "MIT"' in (service / "pyproject.toml").read_text("utf-8")
    assert "FROM registry.acme.example/mirror/python:" in (service / "Dockerfile").read_text("utf-8")


@pytest.mark.slow
def test_a_copy_takes_a_later_version_without_conflict(machine: Machine) -> None:
    """By the commands of the guide, with real git; then services are the organisation's, and tests pass in the copy."""
    upstream = machine.template("upstream")
    for path in ("releases.toml", "CHANGELOG.md", "platform.toml", "cookiecutter.json"):
        text = (upstream / path).read_text("utf-8")
        (upstream / path).write_text(text.replace("\n", "\n\n", 1), "utf-8")
    for edit in team.TEMPLATE_CHANGES.values():
        edit.apply(upstream)
    ours = machine.directory / "ours"
    machine.git("clone", "--quiet", "--origin", "upstream", str(upstream), str(ours), directory=machine.directory)
    (ours / FILE).write_text(WITHOUT_INDEX, encoding="utf-8")
    machine.commit(ours, "Be Acme")
    machine.commit(upstream, "Go on")
    machine.git("tag", "v0.2.0", directory=upstream)

    fetch, merge, *_ = UPSTREAM.splitlines()
    for command in (fetch, merge):
        done = machine.run(command.split(), ours)
        assert done.status == 0, done.stdout + done.stderr

    assert (ours / FILE).read_text("utf-8") == WITHOUT_INDEX
    assert machine.git("diff", "--name-only", "v0.2.0", "HEAD", directory=ours) == FILE
    service = machine.cookiecutter(ours).service
    assert "LABEL one=1\n" in (service / "Dockerfile").read_text("utf-8")
    assert "\nFROM registry.acme.example/mirror/python:" in (service / "Dockerfile").read_text("utf-8")
    assert 'owner = "Acme Platform"' in (service / "src/acme_links/service.toml").read_text("utf-8")
    some = ["tests/test_values.py", "tests/test_releases.py", "tests/test_organisation.py", "-k", SOME]
    tested = machine.run([sys.executable, "-m", "pytest", "-q", *some], ours)
    assert tested.status == 0, tested.stdout[-3000:] + tested.stderr
