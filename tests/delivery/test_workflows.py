"""Schemas and linters find nothing in the pipelines, and find planted faults."""

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from conftest import Generate
from delivery.pipelines import (
    ACTIONS,
    DEPENDABOT,
    GITLAB,
    WORKFLOWS,
    actionlint,
    documents,
    found,
    pasted,
    schemas,
    targets_on_github,
    targets_on_gitlab,
    writing,
    zizmor,
)
from template import EVERYTHING, ROOT, Machine, replace

Repositories = Mapping[str, Path]
Check = Callable[[Path], list[str]]
CHECKS: tuple[Check, ...] = (actionlint, zizmor, schemas, writing, pasted)
STYLES = ("this repository", "github", "github-shared", "gitlab")

CI = ".github/workflows/ci.yml"
RELEASE = ".github/workflows/release.yml"
OWN_JOBS = """
contract:
  stage: check
  extends: .code
  script:
    - make contract
"""
# Faults planted in a pipeline: the check that finds it, the file, the old text and the new text.
FAULTS: dict[str, tuple[Check, str, str, str]] = {
    "waits for a job that is not there": (actionlint, CI, "needs: [check", "needs: [chekc"),
    "a variable that the shell splits": (actionlint, CI, 'echo "results: $RESULTS"', "[ $RESULTS = success ]"),
    "an action by its tag": (zizmor, CI, "@3d3c42e5aac5ba805825da76410c181273ba90b1 #", "@v7 #"),
    "a token left in the checkout": (zizmor, CI, "persist-credentials: false", "persist-credentials: true"),
    "secrets for whoever opens a pull request": (zizmor, CI, "  pull_request:\n", "  pull_request_target:\n"),
    "runs that overlap": (zizmor, CI, "concurrency:\n  group:", "env:\n  group:"),
    "everything is allowed": (zizmor, CI, "permissions: {}\n\nconc", "permissions: write-all\n\nconc"),
    "nobody says why it is allowed": (zizmor, RELEASE, "packages: write # to push", "packages: write\n      # to push"),
    "a key that nobody knows": (schemas, CI, "runs-on: ubuntu-latest", "runs_on: ubuntu-latest"),
    "no end to waiting": (schemas, CI, "    timeout-minutes: 10\n", ""),
    "updates now and then": (schemas, ".github/dependabot.yml", "interval: weekly", "interval: sometimes"),
    "a job that may write": (writing, CI, "contents: read #", "contents: write #"),
    "a scanner where images are pushed": (writing, RELEASE, "- uses: docker/login-action@", "- uses: anchore/scan@"),
    "somebody's title in a script": (pasted, CI, "run: make check", "run: echo ${{ github.event.pull_request.title }}"),
}


@pytest.fixture(scope="session")
def repositories(shared: Machine, generate: Generate, published: Path) -> Repositories:
    """Collect this repository's own pipelines and a service of each kind. Tools find a root by its `.git`."""
    here = shared.output()
    for place in (*WORKFLOWS, *ACTIONS, *DEPENDABOT):
        for path in ROOT.glob(place):
            (here / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, here / path.relative_to(ROOT))
    services = {ci: generate(**EVERYTHING, ci=ci) for ci in ("github", "gitlab")}
    services["github-shared"] = shared.cookiecutter(published, EVERYTHING | {"ci": "github-shared"}).service
    copies = {ci: Path(shutil.copytree(service, shared.output() / ci)) for ci, service in services.items()}
    for root in (here, *copies.values()):
        shared.git("init", "--quiet", directory=root)
    return {"this repository": here, **copies}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_found(repositories: Repositories, style: str, check: Check) -> None:
    """Neither in this repository's pipelines nor in those of a service."""
    root = repositories[style]
    assert len(found(root, (*WORKFLOWS, *GITLAB))) >= (1 if style == "gitlab" else 5)
    assert check(root) == []


@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_overlooked(repositories: Repositories, style: str) -> None:
    """No file disables a finding."""
    root = repositories[style]
    texts = {name: (root / name).read_text(encoding="utf-8") for name in found(root, (*WORKFLOWS, *ACTIONS, *GITLAB))}
    assert [name for name, text in texts.items() if re.search("zizmor: ignore|shellcheck disable", text)] == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(machine: Machine, repositories: Repositories, fault: tuple[Check, str, str, str]) -> None:
    """Each check fails for its planted fault."""
    check, file, was, becomes = fault
    copy = Path(shutil.copytree(repositories["github"], machine.directory / "copy"))
    replace(copy / file, was, becomes)
    assert check(copy) != []


def test_a_fault_in_gitlab_s_pipeline_is_found(machine: Machine, repositories: Repositories) -> None:
    """GitLab's schema is looked into as well."""
    copy = Path(shutil.copytree(repositories["gitlab"], machine.directory / "copy"))
    replace(copy / ".gitlab-ci.yml", "    - make test", "    make: test")
    assert schemas(copy) != []


def test_a_team_s_own_jobs_join_gitlab_s_pipeline(machine: Machine, repositories: Repositories) -> None:
    """`.gitlab/service.yml` is included, is valid, and finds the stages and rules that it builds on."""
    copy = Path(shutil.copytree(repositories["gitlab"], machine.directory / "copy"))
    (copy / ".gitlab/service.yml").write_text(OWN_JOBS, encoding="utf-8")
    assert schemas(copy) == []
    pipelines = dict(documents(copy, GITLAB))
    top = pipelines[".gitlab-ci.yml"]
    assert [each["local"] for each in top["include"]] == [".gitlab/*.yml"]
    jobs = {name: job for pipeline in pipelines.values() for name, job in pipeline.items() if isinstance(job, dict)}
    bases = {
        name: [job["extends"]] if isinstance(job["extends"], str) else job["extends"]
        for name, job in jobs.items()
        if "extends" in job
    }
    assert bases["contract"] == [".code"]
    assert [name for name, extended in bases.items() if not set(extended) <= jobs.keys()] == []
    assert {job["stage"] for job in jobs.values() if "stage" in job} <= set(top["stages"])
    assert targets_on_gitlab(copy)["contract"] == {"contract"}
    places = [name for pipeline in pipelines.values() for name in pipeline]
    assert len(places) == len(set(places))  # what is in the file at the top would win without a word


def test_an_action_of_ours_gets_the_inputs_it_has(machine: Machine, repositories: Repositories) -> None:
    """The platform's own pipelines are checked against `ci/` itself."""
    copy = Path(shutil.copytree(repositories["this repository"], machine.directory / "copy"))
    replace(copy / CI, "          python: ", "          pyhton: ")
    assert "pyhton" in "".join(actionlint(copy))


def test_a_pipe_fails_as_a_whole(repositories: Repositories) -> None:
    """GitHub runs `bash -e` unless a workflow names the shell: only then it is `pipefail`, too."""
    flows = documents(repositories["github"], WORKFLOWS)
    assert [name for name, flow in flows if flow["defaults"] != {"run": {"shell": "bash"}}] == []


def test_every_step_is_one_of_the_makefile_s(repositories: Repositories) -> None:
    """Every step can be run locally, and is the same on GitHub and GitLab."""
    gitlab = targets_on_gitlab(repositories["gitlab"])
    everyday = gitlab["check"] | gitlab["test"] | gitlab["alerts"] | gitlab["build"]
    assert everyday == {"check", "hooks", "test", "alerts", "dashboards", "image", "smoke", "sbom", "scan"}
    github = repositories["github"]
    assert targets_on_github(github, "ci") == everyday
    assert targets_on_github(github, "release") == gitlab["build"] | gitlab["publish"]
    assert targets_on_github(github, "template-update") == gitlab["template-update"] == {"update"}
    for deploy in ("deploy-ansible", "deploy-kubernetes"):
        assert targets_on_github(github, deploy) == gitlab[deploy] == {"verify", deploy}
    makefile = (github / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert everyday | gitlab["publish"] | gitlab["template-update"] <= set(phony.split())


@pytest.mark.parametrize("style", ["github", "github-shared"])
def test_the_gate_job_waits_for_every_job(repositories: Repositories, style: str) -> None:
    """Branch protection knows one name, so that job waits for every other and runs whatever became of them."""
    workflow = yaml.safe_load((repositories[style] / CI).read_text(encoding="utf-8"))
    gate = workflow["jobs"].pop("gate")
    assert set(gate["needs"]) == set(workflow["jobs"])
    assert gate["if"] == "always()"


def test_the_scanned_archive_is_the_one_that_is_published(repositories: Repositories) -> None:
    """One build; the job with the permissions takes its archive, never builds, and hands on the digest it pushed."""
    workflow = yaml.safe_load((repositories["github"] / RELEASE).read_text(encoding="utf-8"))
    build, publish, deploy = (workflow["jobs"][name] for name in ("build", "publish", "deploy"))
    up = next(step["with"] for step in build["steps"] if "upload-artifact" in step.get("uses", ""))
    down = next(step["with"] for step in publish["steps"] if "download-artifact" in step.get("uses", ""))
    scan = next(step["with"] for step in build["steps"] if "scan-action" in step.get("uses", ""))
    assert (up["name"], up["path"].split()) == (down["name"], ["dist/image.tar", "dist/sbom.cdx.json"])
    assert scan["sbom"] in up["path"]
    scripts = "\n".join(step.get("run", "") for step in publish["steps"])
    assert "image smoke" not in scripts
    assert "publish sign verify" in scripts
    assert 'digest="$(cat dist/image.digest)"' in scripts
    attested = next(step["with"] for step in publish["steps"] if "actions/attest@" in step.get("uses", ""))
    assert attested["subject-digest"] == publish["outputs"]["digest"] == "${{ steps.published.outputs.digest }}"
    assert (publish["needs"], deploy["needs"]) == ("build", "publish")
    assert deploy["steps"][-1]["env"]["DIGEST"] == "${{ needs.publish.outputs.digest }}"


def test_one_command_changes_to_shared_steps(machine: Machine, published: Path, repositories: Repositories) -> None:
    """The switch is an answer, and answers can be changed later."""
    address = "https://github.com/acme/firstlight.git"
    here = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{published}.insteadOf", "GIT_CONFIG_VALUE_0": address}
    service = machine.cookiecutter(published, EVERYTHING).service
    machine.commit(service)
    update = ["cruft", "update", "--skip-apply-ask", "--variables-to-update", '{"ci": "github-shared"}']
    outcome = machine.run(["env", *(f"{name}={value}" for name, value in here.items()), *update], service)
    assert outcome.status == 0, outcome.stdout + outcome.stderr
    shared = repositories["github-shared"]
    for workflow in found(shared, WORKFLOWS):
        assert (service / workflow).read_text(encoding="utf-8") == (shared / workflow).read_text(encoding="utf-8")
