"""The emitted pipelines, executed on a committed service: a good commit passes, a bad one fails where it should."""

import json
from pathlib import Path

import pytest
from delivery.image import Image
from delivery.pipelines import keep_one_test
from delivery.workflows import Act
from template import EVERYTHING, Machine, replace

pytestmark = [pytest.mark.delivery, pytest.mark.usefixtures("promtool")]
# A pipeline runs the tests on every Python it supports. One of them is on every machine that runs these tests.
OLDEST = ("--matrix", "python:3.11")
CI = {"check": "success", "test": "success", "alerts": "success", "image": "success", "gate": "success"}


@pytest.fixture(scope="session")
def engine(image: Image) -> dict[str, str]:
    """Point the image job at a container engine that has the base images."""
    return image.containers.variables | {"BUILD_OPTIONS": "--network host"}


def test_a_good_commit_passes(machine: Machine, service: Path, engine: dict[str, str]) -> None:
    """Every job runs, the image's as well, and the gate says so."""
    run = Act(machine, service, engine, {}).jobs("ci.yml", *OLDEST)
    assert (run.status, run.jobs, run.failed) == (0, CI, set()), run
    for evidence in ("ok: healthy within 60 s", "ok: stops with exit status 0", "no leaks found"):
        assert evidence in run.text


def test_what_is_broken_fails_its_job_and_the_gate(machine: Machine, service: Path, engine: dict[str, str]) -> None:
    """A redirect that browsers keep for ever is as good an image as the one before: only a test knows.

    A threshold that is ten times too high is valid: only the rule's unit test fails. A dashboard is stale when its
    specification moved on: the checks say so.
    """
    keep_one_test(service)
    replace(service / "src/acme_links/api/links/visits.py", ".url, 302)", ".url, 301)")
    replace(service / "ops/grafana/specs/runtime.yml", "title: Are users affected?", "title: Are users affected now?")
    replace(service / "ops/alerts/rules/runtime.rules.yml", "> 0.95", "> 9.5")
    machine.commit(service)
    environment = {**engine, "PYTEST_ADDOPTS": "--exitfirst"}
    run = Act(machine, service, environment, {}).jobs("ci.yml", *OLDEST)
    assert run.status != 0
    assert run.jobs == CI | dict.fromkeys(("check", "test", "alerts", "gate"), "failure"), run
    assert run.failed == {
        ("check", "make check"),
        ("test", "make test"),
        ("alerts", "Rules and routing"),
        ("gate", "Every job passed"),
    }
    assert "GET /r/{slug} answered 301 without a declaration" in run.text
    assert "alertname: MemoryNearLimit" in run.text


def test_a_missing_lock_file_fails_its_job(machine: Machine, service: Path) -> None:
    """Without the lock, a later build would use other versions."""
    machine.git("rm", "--quiet", "uv.lock", directory=service)
    machine.commit(service)
    run = Act(machine, service, {}, {}).jobs("ci.yml", "--job", "check")
    assert run.failed == {("check", "The lock file is committed")}, run
    assert "did not match any file(s) known to git" in run.text


def test_a_release_is_built_and_scanned(machine: Machine, service: Path, engine: dict[str, str]) -> None:
    """Up to what the publishing job takes: the archive, and the list of what is in it."""
    artifacts = machine.directory / "artifacts"
    event = machine.directory / "tag.json"
    act = Act(machine, service, {**engine, "ARTIFACTS": str(artifacts)}, {})
    options = ("--job", "build", "--eventpath", str(event))

    event.write_text(json.dumps({"ref": "refs/tags/v9.9.9"}), encoding="utf-8")
    run = act.jobs("release.yml", *options)
    assert run.failed == {("build", "Check that the tag is the version in pyproject.toml")}, run

    event.write_text(json.dumps({"ref": "refs/tags/v0.1.0"}), encoding="utf-8")
    run = act.jobs("release.yml", *options)
    assert (run.status, run.jobs) == (0, {"build": "success"}), run
    assert {path.name for path in (artifacts / "image").iterdir()} == {"image.tar", "sbom.cdx.json"}
    parts = json.loads((artifacts / "image/sbom.cdx.json").read_text(encoding="utf-8"))["components"]
    assert {"starlette", "uvicorn"} <= {part["name"] for part in parts}


def test_shared_steps_do_the_same(machine: Machine, published: Path) -> None:
    """The other answer: the pipeline names the platform's actions, which run as they were at that commit."""
    service = machine.cookiecutter(published, {**EVERYTHING, "ci": "github-shared"}).service
    keep_one_test(service)
    replace(service / "ops/grafana/specs/runtime.yml", "title: Are users affected?", "title: Are users affected now?")
    machine.commit(service)
    commit = machine.git("rev-parse", "HEAD", directory=published)
    act = Act(machine, service, {}, {f"acme/firstlight@{commit}": published})
    run = act.jobs("ci.yml", "--job", "alerts")
    assert run.failed == {("alerts", f"acme/firstlight/ci/alerts@{commit}")}, run
    assert "Success - Main Rules and routing" in run.text
    assert "Are users affected now?" in run.text
