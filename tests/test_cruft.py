"""Updates of services from the template: created by cruft or by cookiecutter, with and without conflicts."""

import json
import shutil
from pathlib import Path

import pytest
from template import EVERYTHING, SERVICE_DIRECTORY, Machine, Outcome, files, replace

STATE = ".cruft.json"
RECORD = ".template.json"


def create(machine: Machine, template: Path, *options: str, answers: dict[str, str] | None = None) -> Outcome:
    """Create a service with cruft."""
    given = ("--extra-context", json.dumps(answers)) if answers else ()
    return machine.cruft("create", "--no-input", *given, *options, str(template), directory=machine.output())


def state_of(service: Path) -> dict[str, str]:
    """Read what the service knows about its template."""
    state: dict[str, str] = json.loads((service / STATE).read_text(encoding="utf-8"))
    return state


def committed(machine: Machine, service: Path) -> Path:
    """Commit a service unedited: updates start from there."""
    machine.commit(service)
    return service


@pytest.fixture
def own_template(machine: Machine) -> Path:
    """Give the test a template it may change."""
    return machine.template()


def test_cookiecutter_and_cruft_create_the_same_service(machine: Machine, template: Path) -> None:
    """Both ways in lead to the same files, the state for updates included."""
    by_cruft = create(machine, template, answers=EVERYTHING).service
    by_cookiecutter = machine.cookiecutter(template, EVERYTHING).service
    assert files(by_cookiecutter).keys() == files(by_cruft).keys()
    assert state_of(by_cookiecutter) == state_of(by_cruft)
    assert files(by_cookiecutter) == files(by_cruft)


@pytest.mark.parametrize("way_in", ["cookiecutter", "cruft"])
def test_a_new_service_is_up_to_date_and_unchanged(machine: Machine, template: Path, way_in: str) -> None:
    """`check` and `diff` agree that nothing has happened yet."""
    outcome = machine.cookiecutter(template) if way_in == "cookiecutter" else create(machine, template)
    service = committed(machine, outcome.service)
    assert machine.cruft("check", directory=service).status == 0
    diff = machine.cruft("diff", "--exit-code", directory=service)
    assert (diff.status, diff.stdout) == (0, "")


def test_an_update_brings_what_is_mounted(machine: Machine, own_template: Path) -> None:
    """A rule that changed for the fleet reaches the service's own copy."""
    service = committed(machine, machine.cookiecutter(own_template).service)
    replace(own_template / "alerts/runbooks/ServiceDown.md", "## Mitigation", "## Mitigation\n\nStay calm.")
    machine.commit(own_template)
    assert machine.cruft("update", "--skip-apply-ask", directory=service).status == 0
    assert "Stay calm." in (service / "ops/alerts/runbooks/ServiceDown.md").read_text("utf-8")


def test_strange_answers_survive_updates(machine: Machine, own_template: Path) -> None:
    """Recorded answers are fed back as if typed; they are still no templates."""
    strange = {"owner": '{{ 7*7 }} {% x "\\ 🚀', "description": "{{cookiecutter.project_slug}}\nsecond"}
    service = committed(machine, machine.cookiecutter(own_template, strange).service)
    replace(own_template / SERVICE_DIRECTORY / "Makefile", "Fix style", "Repair style")
    machine.commit(own_template)
    assert machine.cruft("update", "--skip-apply-ask", directory=service).status == 0
    assert machine.git("diff", "--name-only", "HEAD", directory=service).splitlines() == [STATE, RECORD, "Makefile"]


@pytest.mark.parametrize("way_in", ["cookiecutter", "cruft"])
def test_an_update_merges_changes_and_keeps_the_team_s_work(machine: Machine, own_template: Path, way_in: str) -> None:
    """Edits elsewhere stay, files the team owns are not touched, deletions are respected."""
    outcome = machine.cookiecutter(own_template) if way_in == "cookiecutter" else create(machine, own_template)
    service = committed(machine, outcome.service)
    replace(service / "Makefile", "Run the tests with coverage", "Run our tests")
    (service / "CHANGELOG.md").write_text("Ours.\n", encoding="utf-8")
    (service / ".editorconfig").unlink()
    machine.commit(service)

    emitted = own_template / SERVICE_DIRECTORY
    replace(emitted / "Makefile", "Update the dependencies", "Shift the dependencies")
    replace(emitted / "CHANGELOG.md", "## [0.1.0]", "## [0.1.1]")
    replace(emitted / ".editorconfig", "charset = utf-8", "charset = latin1")
    (emitted / "NEWS.md").write_text("<%= cookiecutter.project_slug %> has news.\n", encoding="utf-8")
    version = machine.commit(own_template)

    assert machine.cruft("check", directory=service).status == 1
    assert machine.cruft("update", "--skip-apply-ask", directory=service).status == 0
    makefile = (service / "Makefile").read_text(encoding="utf-8")
    assert "Run our tests" in makefile
    assert "Shift the dependencies" in makefile
    assert (service / "NEWS.md").read_text(encoding="utf-8") == "acme-links has news.\n"
    assert (service / "CHANGELOG.md").read_text(encoding="utf-8") == "Ours.\n"
    assert not (service / ".editorconfig").exists()
    assert state_of(service)["commit"] == version
    assert machine.cruft("check", directory=service).status == 0


def test_a_conflict_leaves_markers_and_nothing_lost(machine: Machine, own_template: Path) -> None:
    """Cruft ends with status 0; `git diff --check`, which the README names, finds the markers."""
    service = committed(machine, machine.cookiecutter(own_template).service)
    replace(service / "Makefile", "Fix style", "Ours")
    machine.commit(service)
    replace(own_template / SERVICE_DIRECTORY / "Makefile", "Fix style", "Theirs")
    machine.commit(own_template)

    assert machine.cruft("update", "--skip-apply-ask", directory=service).status == 0
    makefile = (service / "Makefile").read_text(encoding="utf-8")
    assert all(word in makefile for word in ("<<<<<<<", "Ours", "Theirs", ">>>>>>>"))
    assert machine.run(["git", "diff", "--check"], service).status != 0


def test_an_update_runs_the_new_version_s_extension(machine: Machine, own_template: Path) -> None:
    """One process renders both versions; each with its own code."""
    service = committed(machine, machine.cookiecutter(own_template).service)
    replace(own_template / "generator/text.py", "return repr(float(", 'return "0" + repr(float(')
    replace(own_template / "generator/environment.py", '"quoted": quoted,', '"quoted": quoted, "shout": str.upper,')
    (own_template / SERVICE_DIRECTORY / "NEWS.md").write_text(
        "<%= cookiecutter.slo_latency_ms | seconds %> <%= cookiecutter.project_slug | shout %>\n", encoding="utf-8"
    )
    machine.commit(own_template)

    updated = machine.cruft("update", "--skip-apply-ask", directory=service)
    assert updated.status == 0, updated.stderr
    assert (service / "NEWS.md").read_text(encoding="utf-8") == "00.25 ACME-LINKS\n"
    assert "SLO_LATENCY_SECONDS=00.25\n" in (service / ".env.example").read_text(encoding="utf-8")
    machine.commit(service)
    diff = machine.cruft("diff", "--exit-code", directory=service)
    assert (diff.status, diff.stdout) == (0, "")


def test_an_answer_can_be_changed_later(machine: Machine, own_template: Path) -> None:
    """Objectives, components and targets are answers, not history."""
    service = committed(machine, machine.cookiecutter(own_template).service)
    news = json.dumps({"slo_availability": "0.9995", "components": "http_client", "deploy": "kubernetes", "ci": "none"})
    updated = machine.cruft("update", "--skip-apply-ask", "--variables-to-update", news, directory=service)
    assert updated.status == 0, updated.stderr
    assert "availability = 0.9995" in (service / "src/acme_links/service.toml").read_text(encoding="utf-8")
    assert (service / "deploy/kubernetes/base/deployment.yaml").exists()
    assert not (service / ".github").exists()
    assert "* `http_client`: one pooled HTTP client" in (service / "README.md").read_text(encoding="utf-8")
    assert "HTTP_CLIENT_TIMEOUT_SECONDS=" in (service / ".env.example").read_text(encoding="utf-8")


def test_an_update_may_answer_a_question_the_old_version_did_not_ask(machine: Machine, own_template: Path) -> None:
    """The check for unknown questions does not look at updates, which render the old version first."""
    service = committed(machine, machine.cookiecutter(own_template).service)
    replace(own_template / "cookiecutter.json", '  "__prompts__"', '  "tier": "2",\n  "__prompts__"')
    (own_template / SERVICE_DIRECTORY / "NEWS.md").write_text("tier <%= cookiecutter.tier %>\n", encoding="utf-8")
    machine.commit(own_template)
    news = ("--variables-to-update", json.dumps({"tier": "1"}))
    assert machine.cruft("update", "--skip-apply-ask", *news, directory=service).status == 0
    assert (service / "NEWS.md").read_text(encoding="utf-8") == "tier 1\n"


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"projct_name": "x"}, "'projct_name' is not a question of this template; did you mean project_name?\n"),
        ({"package_name": "json"}, "package_name 'json' is a module of the standard library"),
    ],
)
def test_cruft_refuses_bad_answers_in_one_sentence(
    machine: Machine, template: Path, answers: dict[str, str], sentence: str
) -> None:
    """The same sentences as through cookiecutter, and nothing on disk."""
    outcome = create(machine, template, answers=answers)
    assert outcome.status == 1
    assert outcome.stderr.startswith(sentence)
    assert outcome.stderr.count("\n") == 1
    assert list(outcome.directory.iterdir()) == []


def test_a_template_that_is_no_checkout_leaves_no_state(machine: Machine, own_template: Path) -> None:
    """Without a commit there is nothing to update from."""
    shutil.rmtree(own_template / ".git")
    assert not (machine.cookiecutter(own_template).service / STATE).exists()


def test_a_template_inside_another_repository_leaves_no_state(machine: Machine, own_template: Path) -> None:
    """The enclosing repository's commit says nothing about the template."""
    shutil.rmtree(own_template / ".git")
    machine.commit(machine.directory)
    assert not (machine.cookiecutter(own_template).service / STATE).exists()


def test_the_state_names_the_origin_that_has_the_commit(machine: Machine, own_template: Path) -> None:
    """A clone points others to where it came from, unless its commit was never published."""
    clone = machine.directory / "clone"
    machine.git("clone", "--quiet", own_template.as_uri(), str(clone), directory=machine.directory)
    assert state_of(machine.cookiecutter(clone).service)["template"] == own_template.as_uri()
    (clone / "unpublished").touch()
    machine.commit(clone)
    assert state_of(machine.cookiecutter(clone).service)["template"] == str(clone)


def test_the_state_holds_no_credentials(machine: Machine, own_template: Path) -> None:
    """A token in the origin's address stays on the machine."""
    clone = machine.directory / "clone"
    machine.git("clone", "--quiet", str(own_template), str(clone), directory=machine.directory)
    machine.git("remote", "set-url", "origin", "https://user:token@git.example.com/firstlight.git", directory=clone)
    service = machine.cookiecutter(clone).service
    assert state_of(service)["template"] == "https://git.example.com/firstlight.git"
    assert not any(b"token@" in content for content in files(service).values())
