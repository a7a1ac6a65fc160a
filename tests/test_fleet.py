"""The fleet: its table, and updates in waves over twenty local repositories, of which two break.

Git, the folders and the command are real. The services are small: their `make update` and `make check test` are a few
lines of shell, because twenty real updates take minutes. The last test updates real services with the real commands.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from template import ROOT, SERVICE_DIRECTORY, TIMEOUT_SECONDS, Machine, Outcome, replace

MAKEFILE = """\
update:
\t@commit=$$(git ls-remote "$(TEMPLATE)" HEAD | cut -f1); \\
\tsed -i "s/[0-9a-f]\\{40\\}/$$commit/" .cruft.json; echo "Updated to $$commit."; \\
\tif [ -e edited ]; then printf '<<<<<<< ours\\n' > edited; echo "these files have conflicts: edited"; exit 1; fi
check:
test:
\t@if [ -e slow ]; then : > "$(MARK)"; sleep 600; fi
\t@if [ -e broken ]; then echo "1 test failed"; exit 1; fi
"""
NAMES = [f"service-{number:02}" for number in range(20)]
CONFLICTING, FAILING = "service-04", "service-15"


class Fleet:
    """A folder with twenty services that are one commit behind, one dirty checkout aside, and two other folders."""

    def __init__(self, machine: Machine) -> None:
        """Make one service and copy it."""
        self.machine = machine
        self.folder = machine.output()
        self.template = machine.directory / "template"
        self.template.mkdir()
        (self.template / "one").touch()
        self.old = machine.commit(self.template)
        first = self._first()
        for name in NAMES:
            shutil.copytree(first, self.folder / name)
        shutil.rmtree(first)
        (self.folder / "notes").mkdir()
        machine.git("init", "--quiet", str(self.folder / "website"), directory=self.folder)
        (self.template / "two").touch()
        self.new = machine.commit(self.template)
        self.branch = f"template/{self.new[:12]}"

    def _first(self) -> Path:
        service = self.folder / "first"
        (service / "src/acme").mkdir(parents=True)
        until = 'version = "0.1.0"\nsupported_until = 2199-11-27\n'
        (service / "src/acme/service.toml").write_text(f'team = "links"\n[template]\n{until}', encoding="utf-8")
        state = {"template": str(self.template), "commit": self.old}
        (service / ".cruft.json").write_text(json.dumps(state), encoding="utf-8")
        given = f"TEMPLATE = {self.template}\nMARK = {self.machine.directory / 'mark'}\n"
        (service / "Makefile").write_text(given + MAKEFILE, encoding="utf-8")
        self.machine.commit(service)
        return service

    def edit(self, name: str, file: str, *, there: bool = True) -> None:
        """Make a file that its Makefile looks for, or remove it, and commit."""
        path = self.folder / name / file
        path.touch() if there else path.unlink()
        self.machine.commit(path.parent)

    def run(self, *options: str) -> Outcome:
        """Run the command."""
        return self.machine.run([sys.executable, "-m", "fleet", str(self.folder), *options], ROOT)

    def branches(self, name: str) -> list[str]:
        """The branches of a service, without main."""
        found = self.machine.git("branch", "--format=%(refname:short)", directory=self.folder / name)
        return [branch for branch in found.splitlines() if branch != "main"]

    def state(self, name: str) -> tuple[str, str, list[str]]:
        """What an update must leave as it is: the commit, the changes, the worktrees."""
        here = self.folder / name
        worktrees = self.machine.git("worktree", "list", directory=here).splitlines()
        commit = self.machine.git("rev-parse", "HEAD", directory=here)
        return commit, self.machine.git("status", "--porcelain", directory=here), worktrees


@pytest.fixture
def fleet(machine: Machine) -> Fleet:
    """Twenty services of a test's own."""
    return Fleet(machine)


def test_the_table_tells_version_support_and_distance(fleet: Fleet) -> None:
    """Nothing in the checkouts runs, and folders without a service are counted."""
    old = fleet.folder / NAMES[1] / "src/acme/service.toml"
    old.write_text("name = 'x'\n", encoding="utf-8")
    replace(fleet.folder / NAMES[2] / "src/acme/service.toml", "2199", "2019")
    done = fleet.run()
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "service"
    assert lines[1].split() == [NAMES[0], "links", "0.1.0", "2199-11-27", "yes"]
    assert lines[2].split() == [NAMES[1], "?", "before", "0.2", "?", "yes"]
    assert "2019-11-27, over" in lines[3]
    assert lines[-1] == "20 services, 2 folders without a service ignored"
    assert done.status == 1  # the support of one has ended


def test_waves_stop_on_red_and_go_on_where_they_stopped(fleet: Fleet) -> None:
    """One conflict, one red test, one dirty checkout; each run goes on with what is left."""
    fleet.edit(CONFLICTING, "edited")
    fleet.edit(FAILING, "broken")
    (fleet.folder / "service-02/unsaved").touch()
    before = {name: fleet.state(name) for name in NAMES}

    first = fleet.run("--update", "--waves", "1,3,all")
    assert first.status == 1
    assert "service-02 is refused: it has uncommitted changes\n" in first.stdout
    assert "wave 1 of 3: 1 service\n" in first.stdout
    assert f"{CONFLICTING}: conflict, `make update` ended with status 2" in first.stdout
    assert "these files have conflicts: edited" in first.stdout
    assert "wave 3 of 3" not in first.stdout
    assert "3 updated, 1 refused, 1 conflict, 15 not started (service-05, " in first.stdout
    assert fleet.branches(CONFLICTING) == [f"{fleet.branch}-conflict"]
    assert fleet.branches("service-05") == []

    second = fleet.run("--update", "--leave", CONFLICTING)
    assert second.status == 1
    assert f"{FAILING}: red, `make check test` ended with status 2" in second.stdout
    assert "1 test failed" in second.stdout
    assert "11 updated" not in second.stdout
    assert "10 updated, 3 already updated, 1 refused, 1 red, 4 not started (service-16, " in second.stdout
    assert fleet.branches(FAILING) == [f"{fleet.branch}-red"]

    assert {name: fleet.state(name) for name in NAMES} == before

    fleet.edit(CONFLICTING, "edited", there=False)
    fleet.edit(FAILING, "broken", there=False)
    (fleet.folder / "service-02/unsaved").unlink()
    third = fleet.run("--update")
    assert third.status == 0, third.stdout
    assert "20 services: 7 updated, 13 already updated; 2 folders" in third.stdout
    for name in NAMES:
        assert fleet.branches(name) == [fleet.branch]
        committed = fleet.machine.git("show", f"{fleet.branch}:.cruft.json", directory=fleet.folder / name)
        assert json.loads(committed)["commit"] == fleet.new


def test_nothing_is_pushed_unless_asked(fleet: Fleet) -> None:
    """And a push that fails is red; a service on a branch of its own, or with a person's commits, is left alone."""
    for name in NAMES[3:]:
        shutil.rmtree(fleet.folder / name)
    service, origin = fleet.folder / NAMES[0], fleet.machine.directory / "origin.git"
    fleet.machine.git("clone", "--quiet", "--bare", str(service), str(origin), directory=fleet.folder)
    fleet.machine.git("remote", "add", "origin", str(origin), directory=service)
    fleet.machine.git("switch", "--quiet", "--create", "feature", directory=fleet.folder / NAMES[1])
    assert fleet.run("--update", "--waves", "1", "--leave", NAMES[2]).status == 1
    assert fleet.machine.git("ls-remote", str(origin), fleet.branch, directory=service) == ""

    fleet.machine.git("branch", "--quiet", "-D", fleet.branch, directory=service)
    pushed = fleet.run("--update", "--push")
    assert f"{NAMES[1]} is refused: it is on feature, and updates start from main" in pushed.stdout
    assert f"{NAMES[0]}: updated, on {fleet.branch}, pushed" in pushed.stdout
    assert fleet.machine.git("ls-remote", str(origin), fleet.branch, directory=service)
    assert f"{NAMES[2]}: red, {fleet.branch} is committed here and was not pushed" in pushed.stdout

    fleet.machine.git("switch", "--quiet", fleet.branch, directory=service)
    fleet.edit(NAMES[0], "by-a-person")
    fleet.machine.git("switch", "--quiet", "main", directory=service)
    kept = fleet.run("--update")
    assert f"{NAMES[0]} is refused: it has commits of others on {fleet.branch}" in kept.stdout


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(fleet: Fleet, sent: signal.Signals) -> None:
    """In the middle of the tests of the second service."""
    fleet.edit(NAMES[1], "slow")
    before = fleet.state(NAMES[1])
    handled = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a shell may ignore it
    command = [sys.executable, "-c", f"{handled}; runpy.run_module('fleet', run_name='__main__')"]
    with subprocess.Popen(
        [*command, str(fleet.folder), "--update"],
        cwd=ROOT,
        env=fleet.machine.environment() | {"TMPDIR": str(fleet.machine.output())},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not (fleet.machine.directory / "mark").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, sent)
        said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 130
    assert f"interrupted at {NAMES[1]}: its checkout is unchanged" in said
    assert "1 updated, 19 not started" in said
    assert fleet.state(NAMES[1]) == before
    assert fleet.branches(NAMES[1]) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--waves", "0,all"), "WAVES must be numbers above 0, with `all` at the end"),
        (("--waves", "all,1"), "WAVES must be numbers above 0"),
        (("--leave", "nobody"), "EXCEPT names nobody, and no service has that name."),
    ],
)
def test_bad_use_is_one_sentence(fleet: Fleet, options: tuple[str, ...], sentence: str) -> None:
    """Exit status 2, and nothing happens."""
    done = fleet.run("--update", *options)
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


def test_a_folder_without_services_is_refused(fleet: Fleet) -> None:
    """As when the folder is a service, and not the folder that holds it."""
    done = fleet.machine.run([sys.executable, "-m", "fleet", str(fleet.folder / NAMES[0])], ROOT)
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{fleet.folder / NAMES[0]} holds no service: FOLDER must be the folder")
    left = fleet.run("--update", *(f"--leave={name}" for name in NAMES))
    assert left.stdout == "\n0 services: all are named in EXCEPT; 2 folders without a service ignored\n"


def test_a_template_that_does_not_answer_is_said(fleet: Fleet) -> None:
    """Every service is refused with the reason."""
    fleet.template.rename(fleet.template.with_name("away"))
    done = fleet.run("--update")
    assert done.status == 1
    assert f"{NAMES[0]} is refused: it cannot reach its template: " in done.stdout
    assert "20 services: 20 refused" in done.stdout
    assert "a template cannot be reached: " in fleet.run().stdout


def test_a_service_with_conflicts_is_named(fleet: Fleet) -> None:
    """It is no folder without a service: nobody would miss its updates. And a time is no end of support."""
    one, two, three = (fleet.folder / name for name in NAMES[:3])
    (one / ".cruft.json").write_text("<<<<<<< yours\n", encoding="utf-8")
    (two / "src/acme/service.toml").write_text("<<<<<<< yours\n", encoding="utf-8")
    replace(three / "src/acme/service.toml", "2199-11-27", "2019-11-27T00:00:00")
    done = fleet.run()
    assert done.status == 1, done.stderr
    assert done.stdout.splitlines()[3].split() == [NAMES[2], "links", "0.1.0", "?", "yes"]
    assert f"{NAMES[0]} cannot be read: .cruft.json is not JSON: " in done.stdout
    assert f"{NAMES[1]} cannot be read: service.toml is not TOML: " in done.stdout
    assert done.stdout.endswith("20 services, 2 folders without a service ignored\n")

    updated = fleet.run("--update", *(f"--leave={name}" for name in NAMES[2:]))
    assert updated.status == 1
    assert f"{NAMES[0]} is refused: it cannot be read: .cruft.json is not JSON: " in updated.stdout
    assert "2 services: 2 refused" in updated.stdout


def test_a_service_follows_a_branch_or_a_tag(fleet: Fleet) -> None:
    """The tag's commit, not the tag; the branch, not another one that ends like it; and no option of git."""
    fleet.machine.git("tag", "--annotate", "v1", "--message", "v1", fleet.old, directory=fleet.template)
    fleet.machine.git("branch", "feature/main", fleet.old, directory=fleet.template)
    mark = fleet.machine.directory / "mark"
    follows = {"v1": "0", "main": "yes", fleet.old: "0", "gone": "?", None: "yes"}
    for name, reference in zip(NAMES, follows, strict=False):
        state = {"template": str(fleet.template), "commit": fleet.old, "checkout": reference}
        (fleet.folder / name / ".cruft.json").write_text(json.dumps(state), encoding="utf-8")
    state = {"template": f"--upload-pack=touch {mark}", "commit": fleet.old, "checkout": str(fleet.template)}
    (fleet.folder / NAMES[5] / ".cruft.json").write_text(json.dumps(state), encoding="utf-8")
    lines = fleet.run().stdout.splitlines()
    assert [line.split()[-1] for line in lines[1:6]] == list(follows.values())
    assert "a template cannot be reached: it has no gone" in lines
    assert not mark.exists()


def test_a_service_that_does_not_answer_is_told_with_the_reason(fleet: Fleet) -> None:
    """These services have no doctor."""
    done = fleet.run("--doctor")
    assert done.status == 1
    assert f"the doctor of {NAMES[0]} does not answer: `make doctor` ended with status 2\n" in done.stdout


def test_what_tests_print_may_be_anything(fleet: Fleet) -> None:
    """A byte that is no text ends no run."""
    done = fleet.run("--update", "--waves", "1", "--test", r"printf 'caf\351'; exit 1")
    assert done.status == 1
    assert f"{NAMES[0]}: red, " in done.stdout
    assert "    caf\ufffd\n" in done.stdout


def test_without_git_the_table_says_so(fleet: Fleet) -> None:
    """In one line for all services."""
    command = [sys.executable, "-m", "fleet", str(fleet.folder)]
    environment = fleet.machine.environment() | {"PATH": str(fleet.machine.output())}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.count("a template cannot be reached: git could not be started: ") == 1


def test_the_reason_of_a_refused_push_is_no_hint(fleet: Fleet) -> None:
    """Git's hints are the last lines of what it says."""
    service, origin = fleet.folder / NAMES[0], fleet.machine.directory / "origin"
    fleet.machine.git("clone", "--quiet", str(service), str(origin), directory=fleet.folder)
    fleet.machine.git("switch", "--quiet", "--create", fleet.branch, directory=origin)
    (origin / "other").touch()
    fleet.machine.commit(origin)
    fleet.machine.git("switch", "--quiet", "main", directory=origin)
    fleet.machine.git("remote", "add", "origin", str(origin), directory=service)
    done = fleet.run("--update", "--push", "--waves", "1")
    assert f"{fleet.branch} is committed here and was not pushed: ! [rejected]" in done.stdout


@pytest.mark.slow
def test_a_real_service_is_updated_with_its_own_command(machine: Machine) -> None:
    """`make update`, with cruft, in a worktree. The service's tests are run elsewhere."""
    platform, folder = machine.template(), machine.output()
    service = machine.cookiecutter(platform, directory=folder).service
    machine.commit(service)
    replace(platform / SERVICE_DIRECTORY / "Makefile", "Fix style", "Repair style")
    commit = machine.commit(platform)
    branch = f"template/{commit[:12]}"

    done = machine.run(["make", "fleet", f"FOLDER={folder}", "UPDATE=1", "TEST=git diff --check HEAD"], ROOT)

    assert done.status == 0, done.stdout + done.stderr
    assert f"acme-links: updated, on {branch}\n" in done.stdout
    assert "Repair style" in machine.git("show", f"{branch}:Makefile", directory=service)
    assert machine.git("status", "--porcelain", directory=service) == ""
    assert "Update the template from " in machine.git("log", "-1", "--format=%b", branch, directory=service)


@pytest.mark.parametrize(("given", "told"), [([], "it is not given"), (["FOLDER=/nowhere"], "/nowhere is none")])
def test_a_folder_is_needed(machine: Machine, given: list[str], told: str) -> None:
    """Without one, the command does not take the current directory."""
    done = machine.run(["make", "fleet", *given], ROOT)
    assert done.status == 2
    sentence = f"FOLDER must be a directory with checkouts, as in make fleet FOLDER=~/checkouts, and {told}.\n"
    assert done.stderr.startswith(sentence)
