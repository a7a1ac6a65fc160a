"""`make update` merges, says what changed and names what is left; the weekly pipelines propose the result."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from delivery.forge import NAME, OWNER, TOKEN, Forge, serving
from delivery.workflows import Act
from template import SERVICE_DIRECTORY, Machine, Outcome, replace

from generator.library import library

pytestmark = pytest.mark.delivery
REPORT, PATCH = ".cache/template-update.md", ".cache/template-update.patch"
CONFLICTS = "these files have conflicts; resolve them, then commit:"
VERSION = library()["version"]
WORDS_OF_CRUFT = ("Good work", "rejected", "Failed to apply")
DESCRIPTION = 'Costs $5 or $(HOME), says "no" to \\n and C:\\temp'
TEMPLATE_TOKEN = TOKEN  # the forge of these tests knows one token


@pytest.fixture
def platform(machine: Machine) -> Path:
    """Give the test a template it may change."""
    return machine.template()


@pytest.fixture
def service(machine: Machine, platform: Path) -> Path:
    """Commit a service unedited: updates start from there."""
    service = machine.cookiecutter(platform).service
    machine.commit(service)
    return service


def release(platform: Path) -> None:
    """Release a version of the template: with a new entry, and those that were there before."""
    replace(platform / "runtime/src/firstlight/__init__.py", f'__version__ = "{VERSION}"', '__version__ = "0.2.0"')
    changelog = platform / "CHANGELOG.md"
    replace(
        changelog, "## [Unreleased]\n", "## [Unreleased]\n\n## [0.2.0]\n\n### Added\n\n- Lamps glow, as [said](x.md).\n"
    )


def change_template(machine: Machine, platform: Path, path: str, old: str, new: str) -> None:
    """Change a line of the template."""
    replace(platform / SERVICE_DIRECTORY / path, old, new)
    machine.commit(platform)


def update(machine: Machine, service: Path, *arguments: str) -> Outcome:
    """Follow the template, as people do."""
    outcome = machine.run(["make", "update", *arguments], service)
    assert not [word for word in WORDS_OF_CRUFT if word in outcome.stdout + outcome.stderr]
    return outcome


def test_without_a_change_nothing_happens(machine: Machine, service: Path) -> None:
    """Exit status 0, and no changed file. Bad answers are one sentence."""
    assert update(machine, service).stdout == "This service is up to date.\n"
    for answers in ("[]", "{'a': 'b'}", '{"slo_latency_ms": 250}'):
        refused = update(machine, service, f"ANSWERS={answers}")
        assert refused.stderr.startswith("ANSWERS must be a JSON object of texts, such as ")
    unknown = update(machine, service, 'ANSWERS={"ownr": "x"}')
    assert unknown.stderr.startswith("ANSWERS has ownr, which is no question of the template; they are project_name, ")
    assert machine.git("status", "--porcelain", "--ignored", directory=service).count(".cache/template-update") == 0


def test_an_update_says_what_changed_and_changes_answers(machine: Machine, platform: Path, service: Path) -> None:
    """In plain words and as Markdown. Dollar signs, quotes and backslashes arrive; the README lists the component."""
    replace(service / "README.md", "## Run it", "Ours.\n\n## Run it")
    machine.commit(service)
    release(platform)
    change_template(machine, platform, "service.mk", "# ", "# Theirs: ")
    answers = json.dumps({"components": "http_client", "description": DESCRIPTION})

    done = machine.run(["make", "update", f"ANSWERS={answers}"], service)

    assert done.status == 0, done.stderr
    assert done.stderr == ""
    said = done.stdout.splitlines()
    old, new = (machine.git("rev-parse", f"HEAD{back}", directory=platform) for back in ("~1", ""))
    assert said[:5] == [
        f"Update the template from {VERSION} ({old[:12]}) to 0.2.0 ({new[:12]}).",
        "",
        "What changed in the template:",
        "  0.2.0 Added:",
        "  - Lamps glow, as said.",
    ]
    yours = said[
        said.index(f"The template changed these files, which are yours; they are as before. {PATCH} has the changes:") :
    ]
    assert "  service.mk" in yours
    assert said[-1] == "Run `make check test`, then commit."
    markdown = (service / REPORT).read_text("utf-8")
    assert markdown.startswith(f"# {said[0][:-1]}\n\nThe changes were merged without conflicts.")
    assert "- Lamps glow, as said.\n" in markdown
    assert "- `service.mk`\n" in markdown
    assert "+# Theirs: " in markdown
    assert markdown.endswith(f"<!-- template {new} -->\n")

    readme = (service / "README.md").read_text("utf-8")
    assert "Ours.\n" in readme
    assert "* `http_client`: " in readme.partition("## Components")[2]
    assert "None." not in readme
    project = tomllib.loads((service / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["description"] == DESCRIPTION
    assert (
        json.loads((service / ".cruft.json").read_text("utf-8"))["context"]["cookiecutter"]["description"]
        == DESCRIPTION
    )


def test_what_a_person_must_do_is_named_and_fails(machine: Machine, platform: Path, service: Path) -> None:
    """Conflicts, and what cruft passes over. Nothing of the team's is touched, and `skip` ends it."""
    emitted, patch = platform / SERVICE_DIRECTORY, service / PATCH
    (service / "Makefile").rename(service / "makefile")
    (service / ".dockerignore").unlink()
    replace(service / ".editorconfig", "charset = utf-8", "charset = latin1")
    replace(service / "compose.yaml", "pids_limit: ", "pids_limit: 9")
    (service / "docs/news.md").write_text("Ours.\n", encoding="utf-8")
    machine.commit(service)
    (emitted / ".editorconfig").unlink()
    (emitted / "docs/news.md").write_text("Theirs.\n", encoding="utf-8")
    replace(emitted / "compose.yaml", "pids_limit: ", "pids_limit: 8")
    change_template(machine, platform, "Makefile", "## Fix style", "## Theirs")

    outcome = update(machine, service)

    assert outcome.status != 0
    conflicts, removed, renamed, added = outcome.stderr.strip().split("\n\n")
    assert conflicts.splitlines() == [f"The update is in, but {CONFLICTS}", "  compose.yaml"]
    assert removed.startswith("The template removed these files, which you had edited; remove them, or keep ")
    assert removed.splitlines()[1:] == ["  .editorconfig"]
    assert renamed.splitlines()[1:] == ["  Makefile"]  # and not .dockerignore, which the template left alone
    assert added.startswith("The template adds these files, and you have others in their place.")
    assert added.splitlines()[1] == "  docs/news.md"
    markdown = (service / REPORT).read_text("utf-8")
    assert "**This needs a person.**" in markdown
    assert all(f"- `{path}`\n" in markdown for path in ("compose.yaml", ".editorconfig", "Makefile", "docs/news.md"))
    assert "<<<<<<<" in (service / "compose.yaml").read_text("utf-8")
    assert "charset = latin1" in (service / ".editorconfig").read_text("utf-8")
    assert (service / "docs/news.md").read_text("utf-8") == "Ours.\n"
    assert "+fmt: $(UV) ## Theirs\n" in patch.read_text("utf-8")
    assert "+Theirs.\n" in patch.read_text("utf-8")

    machine.git("checkout", "--quiet", "compose.yaml", directory=service)
    replace(service / "pyproject.toml", "skip = [", 'skip = [\n    "Makefile",\n    "docs/news.md",')
    machine.commit(service)
    replace(emitted / "Makefile", "## Theirs", "## Later")
    change_template(machine, platform, "docs/news.md", "Theirs.", "Later.")
    outcome = update(machine, service)
    assert outcome.status == 0, outcome.stderr


def test_a_checkout_without_history_merges_as_well(machine: Machine, platform: Path) -> None:
    """Dependabot and the template moved the same pin; the checkout has one commit. Another line has a conflict."""
    origin = machine.cookiecutter(platform).service
    pins = origin / ".github/workflows/ci.yml"
    moved = pins.read_text("utf-8").replace("actions/checkout@3d3c42e5", "actions/checkout@44444444")
    assert moved != pins.read_text("utf-8")
    pins.write_text(moved, encoding="utf-8")
    replace(origin / "Makefile", "## Fix style", "## Ours")
    machine.commit(origin)
    service = machine.output() / NAME
    machine.git("clone", "--quiet", "--depth", "1", origin.as_uri(), str(service), directory=service.parent)
    replace(platform / "ci/github/ci.yml", "actions/checkout@3d3c42e5", "actions/checkout@44444444")
    replace(platform / "ci/github/ci.yml", "name: ci\n", "name: ci # moved\n")
    change_template(machine, platform, "Makefile", "## Fix style", "## Theirs")

    outcome = update(machine, service)

    assert outcome.stderr.startswith(f"\nThe update is in, but {CONFLICTS}\n  Makefile\nmake: ")
    assert (service / ".github/workflows/ci.yml").read_text("utf-8") == moved.replace(
        "name: ci\n", "name: ci # moved\n"
    )
    assert "<<<<<<<" in (service / "Makefile").read_text("utf-8")


@pytest.fixture
def forge(machine: Machine, platform: Path) -> Iterator[Forge]:
    """A forge with the private template and, from `published` on, the service."""
    directory = machine.directory / "forge"
    with serving(directory) as forge:
        forge.private = True
        machine.git(
            "clone", "--quiet", "--mirror", str(platform), str(directory / "acme/firstlight.git"), directory=platform
        )
        yield forge


def published(machine: Machine, forge: Forge, platform: Path, *answers: str) -> Path:
    """A service that follows the template at the forge, with an older version. Returns a checkout of it."""
    service = machine.cookiecutter(platform, dict(answer.split("=") for answer in answers)).service
    replace(service / ".cruft.json", str(platform), f"{forge.address}/acme/firstlight.git")
    replace(service / "Makefile", "## Fix style", "## Ours")
    machine.commit(service)
    place = forge.directory / OWNER / f"{NAME}.git"
    machine.git("clone", "--quiet", "--bare", str(service), str(place), directory=service)
    machine.git("remote", "add", "origin", f"{forge.address}/{OWNER}/{NAME}.git", directory=service)
    release(platform)
    machine.commit(platform)
    machine.git("push", "--quiet", "--mirror", str(forge.directory / "acme/firstlight.git"), directory=platform)
    return service


def test_github_s_workflow_proposes_conflicts_and_fails(machine: Machine, platform: Path, forge: Forge) -> None:
    """One run of everything: the private template, the merge, the pull request with its text."""
    service = published(machine, forge, platform)
    change_template(machine, platform, "Makefile", "## Fix style", "## Theirs")
    machine.git("push", "--quiet", "--mirror", str(forge.directory / "acme/firstlight.git"), directory=platform)
    act = Act(machine, service, {}, {})
    environment = {"GITHUB_API_URL": forge.address, "GITHUB_REPOSITORY": f"{OWNER}/{NAME}", "GITHUB_REF_NAME": "main"}
    given = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    secrets = ("--secret", f"GITHUB_TOKEN={TOKEN}", "--secret", f"TEMPLATE_TOKEN={TEMPLATE_TOKEN}")

    outcome = act.run("template-update.yml", *secrets, *given, event="schedule")

    assert outcome.status != 0
    assert TOKEN not in outcome.stdout + outcome.stderr
    (row,) = forge.open("pull") or pytest.fail(outcome.stdout[-6000:])
    assert row["labels"] == {"template", "template-conflict"}
    assert "- `Makefile`\n" in row["body"]
    assert "- Lamps glow, as said.\n" in row["body"]
    content = machine.git("show", f"{row['branch']}:Makefile", directory=forge.directory / OWNER / f"{NAME}.git")
    assert "<<<<<<<" in content
    assert machine.git("status", "--porcelain", directory=service) == ""


def test_gitlab_s_job_proposes_an_update(machine: Machine, platform: Path, forge: Forge) -> None:
    """The lines of the job, in a checkout as its variables ask for it; the second week is green as well."""
    service = published(machine, forge, platform, "ci=gitlab")
    job = yaml.safe_load((service / ".gitlab-ci.yml").read_text("utf-8"))["template-update"]
    assert job["variables"]["GIT_DEPTH"] == "0"
    variables = {
        "TEMPLATE_TOKEN": TEMPLATE_TOKEN,
        "TEMPLATE_UPDATE_TOKEN": TOKEN,
        "CI_API_V4_URL": f"{forge.address}/api/v4",
        "CI_BUILDS_DIR": str(machine.directory),
        "CI_COMMIT_BRANCH": "main",
        "CI_PROJECT_ID": "7",
        "CI_PROJECT_URL": f"{forge.address}/{OWNER}/{NAME}",
    }
    given = [f"{name}={value}" for name, value in variables.items()]
    for _ in range(2):
        outcome = machine.run(["env", *given, "bash", "-euo", "pipefail", "-c", "\n".join(job["script"])], service)
        assert outcome.status == 0, outcome.stdout + outcome.stderr
        assert TOKEN not in outcome.stdout + outcome.stderr
        machine.git("checkout", "--quiet", "main", directory=service)
    assert outcome.stdout.endswith("proposes this version already.\n")
    (row,) = forge.open("merge")
    assert row["labels"] == {"template"}
    assert "- Lamps glow, as said.\n" in row["body"]
    assert "## Ours" in (service / "Makefile").read_text("utf-8")
    state = machine.git("show", f"{row['branch']}:.cruft.json", directory=service)
    assert json.loads(state)["template"] == f"{forge.address}/acme/firstlight.git"
