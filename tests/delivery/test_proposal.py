"""What the weekly pipelines propose, week after week, at a forge that keeps its state."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from delivery.forge import NAME, OWNER, TOKEN, Forge, serving
from template import ROOT, SERVICE_DIRECTORY, Machine, Outcome

pytestmark = pytest.mark.delivery
SCRIPTS = ROOT / SERVICE_DIRECTORY / "scripts"
FIRST, SECOND = "1" * 40, "2" * 40  # versions of the template
BRANCH = "template/from-000000000000"


@dataclass
class Weeks:
    """A service's repository at a forge, and the weekly pipeline's last step."""

    machine: Machine
    forge: Forge
    script: str

    def remote(self) -> str:
        """The address of the repository."""
        return f"{self.forge.address}/{OWNER}/{NAME}.git"

    def clone(self, *options: str) -> Path:
        """A checkout, as a pipeline or a person makes it."""
        place = self.machine.output() / NAME
        self.machine.git("clone", "--quiet", *options, self.remote(), str(place), directory=place.parent)
        return place

    def week(self, version: str, *, conflicts: bool = False, depth: tuple[str, ...] = ()) -> Outcome:
        """Run the step after an update to a version, in a checkout of this week."""
        checkout = self.clone(*depth)
        (checkout / ".cruft.json").write_text(json.dumps({"commit": version}), encoding="utf-8")
        (checkout / ".cache").mkdir()
        report = f"# To {version[:4]}\n\nWhat it is.\n\n<!-- template {version} -->\n"
        (checkout / ".cache/template-update.md").write_text(report, encoding="utf-8")
        return self.step(checkout, "failure" if conflicts else "success")

    def step(self, checkout: Path, outcome: str, token: str = TOKEN) -> Outcome:
        """Run the step in a checkout."""
        variables = {
            "OUTCOME": outcome,
            "TEMPLATE_UPDATE_TOKEN": token,
            "GITHUB_API_URL": self.forge.address,
            "GITHUB_REPOSITORY": f"{OWNER}/{NAME}",
            "GITHUB_REF_NAME": "main",
            "CI_API_V4_URL": f"{self.forge.address}/api/v4",
            "CI_PROJECT_ID": "7",
            "CI_PROJECT_URL": self.remote().removesuffix(".git"),
            "CI_COMMIT_BRANCH": "main",
        }
        given = (f"{name}={value}" for name, value in variables.items())
        done = self.machine.run(["env", *given, sys.executable, str(SCRIPTS / self.script)], checkout)
        assert TOKEN not in done.stdout + done.stderr
        assert not [path for path in checkout.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
        return done

    def push(self, checkout: Path, branch: str) -> None:
        """Commit and push, as a person with an own login does."""
        login = self.remote().replace("http://", f"http://person:{TOKEN}@")
        self.machine.commit(checkout)
        self.machine.git("push", "--quiet", login, f"HEAD:refs/heads/{branch}", directory=checkout)


@pytest.fixture(params=["pull_request.py", "merge_request.py"])
def weeks(request: pytest.FixtureRequest, machine: Machine) -> Iterator[Weeks]:
    """A service's repository at GitHub and at GitLab."""
    directory = machine.directory / "forge"
    origin = machine.directory / "origin"
    origin.mkdir()
    (origin / ".cruft.json").write_text(json.dumps({"commit": "0" * 40}), encoding="utf-8")
    (origin / ".gitignore").write_text(".cache/\n", encoding="utf-8")
    machine.commit(origin)
    machine.git("clone", "--quiet", "--bare", str(origin), str(directory / OWNER / f"{NAME}.git"), directory=origin)
    with serving(directory) as forge:
        yield Weeks(machine, forge, request.param)


def test_one_request_is_opened_and_changed_until_it_is_merged(weeks: Weeks) -> None:
    """The same version again changes nothing; the next version changes the request, its labels and its branch."""
    opened = weeks.week(FIRST, conflicts=True)
    (request,) = weeks.forge.rows
    assert opened.status == 1  # somebody sees it twice: by the label, and by the pipeline
    assert opened.stdout == f"{request['html_url']} is open: To 1111\n"
    assert (request["branch"], request["title"]) == (BRANCH, "To 1111")
    assert request["body"].startswith("What it is.\n")
    assert request["labels"] == {"template", "template-conflict"}
    before = weeks.forge.branches()

    again = weeks.week(FIRST)
    assert (again.status, again.stdout) == (0, f"{request['html_url']} proposes this version already.\n")
    assert weeks.forge.branches() == before

    later = weeks.week(SECOND)
    assert (later.status, later.stdout) == (0, f"{request['html_url']} is updated: To 2222\n")
    assert [row["title"] for row in weeks.forge.rows] == ["To 2222"]
    assert request["labels"] == {"template"}
    content = weeks.machine.git("show", f"origin/{BRANCH}:.cruft.json", directory=weeks.clone())
    assert json.loads(content) == {"commit": SECOND}
    if weeks.script == "pull_request.py":  # a push with the job's token starts no workflow
        assert weeks.forge.dispatched == [f"ci.yml {BRANCH}"] * 2


def test_a_token_that_may_not_open_requests_fails_every_week_until_it_may(weeks: Weeks) -> None:
    """The branch is there from the first week on; what counts is the request."""
    weeks.forge.permitted = False
    for _ in range(2):
        failed = weeks.week(FIRST)
        assert failed.status == 1
        assert "TEMPLATE_UPDATE_TOKEN" in failed.stdout
        assert failed.stdout.count("\n") == 1
        assert ("Allow GitHub Actions to create and approve pull requests" in failed.stdout) is ("pull" in weeks.script)
    weeks.forge.permitted = True
    assert weeks.week(FIRST).status == 0
    assert len(weeks.forge.open("")) == 1


def test_a_branch_with_commits_of_people_is_left_alone(weeks: Weeks) -> None:
    """While its request is open, somebody works on it. Without one, nobody would see the update."""
    weeks.week(FIRST, conflicts=True)
    checkout = weeks.clone("--branch", BRANCH)
    (checkout / "resolved").touch()
    weeks.push(checkout, BRANCH)
    before = weeks.forge.branches()

    left = weeks.week(SECOND, conflicts=True)
    assert left.status == 0, left.stdout
    assert "has commits of t@example.com, so it is left as it is" in left.stdout
    weeks.forge.rows[0]["state"] = "merged"
    failed = weeks.week(SECOND)
    assert failed.status == 1
    assert f"The branch {BRANCH} has commits of t@example.com and no open " in failed.stdout
    assert weeks.forge.branches() == before
    assert [row["title"] for row in weeks.forge.rows] == ["To 1111"]


def test_a_closed_request_is_not_opened_again_for_the_same_version(weeks: Weeks) -> None:
    """Also when that version has conflicts: somebody has decided. The next version is proposed."""
    weeks.week(FIRST)
    weeks.forge.close()
    closed = weeks.week(FIRST, conflicts=True)
    assert closed.status == 0, closed.stdout
    assert "was closed, so it is not proposed again" in closed.stdout
    assert weeks.week(SECOND).status == 0
    assert [row["title"] for row in weeks.forge.open("")] == ["To 2222"]


def test_what_cannot_be_proposed_is_one_sentence(weeks: Weeks) -> None:
    """A failed update, a checkout without history, a missing token, a wrong one, a push that the forge refuses."""
    assert weeks.step(weeks.clone(), "success").stdout == "There is nothing to propose.\n"
    assert weeks.step(weeks.clone(), "failure").stdout.startswith("make update failed, so there is nothing to propose;")
    shallow = weeks.week(FIRST, depth=("--depth", "1"))
    assert shallow.stdout.startswith("This checkout has no history; fetch all of it: fetch-depth: 0")
    assert weeks.step(weeks.clone(), "success", token="").stdout.startswith("TEMPLATE_UPDATE_TOKEN is not set: ")
    hook = weeks.forge.directory / OWNER / f"{NAME}.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'refusing to update a workflow without `workflows` permission' >&2\nexit 1\n")
    hook.chmod(0o755)
    refused = weeks.week(FIRST)
    assert refused.status == 1
    assert "TEMPLATE_UPDATE_TOKEN" in refused.stdout
    assert refused.stdout.count("\n") == 1
    assert list(weeks.forge.branches()) == ["main"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "URL could not be reached: Remote end closed connection without response."),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]",
            "URL could not be reached: IncompleteRead(2 bytes read, 7 more ",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "URL answered with something else than JSON, as a "),
    ],
    ids=["nothing", "incomplete", "page"],
)
def test_what_is_no_forge_is_one_sentence(machine: Machine, answer: bytes, sentence: str) -> None:
    """A proxy in between, or a server that ends."""
    program = "import forge, sys; forge.call('GET', sys.argv[1] + '?token=x', {})"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            client, _ = server.accept()
            with client:
                client.recv(65_536)
                client.sendall(answer)

        threading.Thread(target=once, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/user"
        done = machine.run(["env", f"PYTHONPATH={SCRIPTS}", sys.executable, "-c", program, url], machine.output())
    assert done.stderr.splitlines()[-1].startswith("forge.ProposalError: " + sentence.replace("URL", url))
