"""The update of one service: in a worktree of its own, so that the checkout stays as it is whatever happens."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .checkouts import Checkout
from .git import GitError, git, succeeds

REPORTS = (Path(".cache/template-update.patch"), Path(".cache/template-update.md"))  # git ignores them
LOG_LINES = 20
UPDATED, ALREADY, CURRENT = "updated", "already updated", "up to date"
REFUSED, CONFLICT, RED = "refused", "conflict", "red"
GOOD = frozenset({UPDATED, ALREADY, CURRENT})
FAILED = ("-conflict", "-red")  # the ends of the names of branches that a person has to look at


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a service: one of the words above, and a sentence about it."""

    name: str
    word: str
    sentence: str = ""
    log: str = ""

    @property
    def good(self) -> bool:
        """Whether the next service may be updated."""
        return self.word in GOOD


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Shell commands, run in the service: its update, and what must be green after it."""

    update: str = "make update"
    test: str = "make check test"
    push: bool = False


def branch(newest: str) -> str:
    """The branch of an update to a commit of the template."""
    return f"template/{newest[:12]}"


def settled(checkout: Checkout, newest: str) -> Outcome | None:
    """The outcome where nothing is to be done: up to date, updated by an earlier run, or somebody works on it."""
    if newest == checkout.commit:
        return Outcome(name=checkout.name, word=CURRENT)
    name = branch(newest)
    for each in (name, *(name + ending for ending in FAILED)):
        if _exists(checkout.path, each) and int(git("rev-list", "--count", f"HEAD..{each}", at=checkout.path)) > 1:
            sentence = f"has commits of others on {each}: merge them, or delete the branch"
            return Outcome(name=checkout.name, word=REFUSED, sentence=sentence)
    if _exists(checkout.path, name) and succeeds("merge-base", "--is-ancestor", "HEAD", name, at=checkout.path):
        return Outcome(name=checkout.name, word=ALREADY, sentence=f"on {name}")
    return None


def _exists(repository: Path, name: str) -> bool:
    return succeeds("rev-parse", "--verify", "--quiet", f"refs/heads/{name}", at=repository)


def update(checkout: Checkout, newest: str, commands: Commands) -> Outcome:
    """Update, test and commit on a branch. A failed update is committed on a branch of another name."""
    try:
        with _worktree(checkout) as copy:
            return _update(checkout, copy, newest, commands)
    except GitError as error:
        return Outcome(name=checkout.name, word=RED, sentence=f"git failed: {error}")


def _update(checkout: Checkout, copy: Path, newest: str, commands: Commands) -> Outcome:
    status, said = _run(commands.update, copy)
    if not git("status", "--porcelain", at=copy):
        sentence = f"`{commands.update}` ended with status {status} and changed nothing"
        return Outcome(name=checkout.name, word=RED, sentence=sentence, log=said)
    name, message = branch(newest), f"Follow the template\n\n{said.strip()}"
    if status:
        _commit(checkout, copy, f"{name}-conflict", message)
        sentence = f"`{commands.update}` ended with status {status}; see the branch {name}-conflict"
        return Outcome(name=checkout.name, word=CONFLICT, sentence=sentence, log=said)
    status, tested = _run(commands.test, copy)
    if status:
        _commit(checkout, copy, f"{name}-red", message)
        sentence = f"`{commands.test}` ended with status {status}; see the branch {name}-red"
        return Outcome(name=checkout.name, word=RED, sentence=sentence, log=tested)
    _commit(checkout, copy, name, message)
    return _pushed(checkout, name) if commands.push else _on(checkout, name)


def _on(checkout: Checkout, name: str, more: str = "") -> Outcome:
    return Outcome(name=checkout.name, word=UPDATED, sentence=f"on {name}{more}")


def _pushed(checkout: Checkout, name: str) -> Outcome:
    try:
        git("push", "--quiet", "origin", name, at=checkout.path)
    except GitError as error:
        sentence = f"{name} is committed here and was not pushed: {error}"
        return Outcome(name=checkout.name, word=RED, sentence=sentence)
    return _on(checkout, name, ", pushed")


@contextmanager
def _worktree(checkout: Checkout) -> Iterator[Path]:
    """A copy of the newest commit, removed at the end, also when the run is interrupted."""
    git("worktree", "prune", at=checkout.path)  # what a killed run left
    directory = Path(tempfile.mkdtemp(prefix="fleet-"))
    copy = directory / checkout.name
    try:
        git("worktree", "add", "--quiet", "--detach", str(copy), "HEAD", at=checkout.path)
        yield copy
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        git("worktree", "prune", at=checkout.path)


def _commit(checkout: Checkout, copy: Path, name: str, message: str) -> None:
    """Commit everything on a branch, which replaces one of an earlier run. Hooks do not run: the tests have."""
    git("add", "--all", at=copy)
    git("commit", "--quiet", "--no-verify", "--message", message, at=copy)
    git("branch", "--force", name, "HEAD", at=copy)
    for report in REPORTS:
        if (copy / report).is_file():
            (checkout.path / report).parent.mkdir(exist_ok=True)
            shutil.copyfile(copy / report, checkout.path / report)
    for other in (branch_of(name) + ending for ending in FAILED):
        if other != name and _exists(copy, other):
            git("branch", "--quiet", "--delete", "--force", other, at=copy)


def branch_of(name: str) -> str:
    """The branch of a successful update, from that of a failed one."""
    for ending in FAILED:
        name = name.removesuffix(ending)
    return name


def _run(command: str, directory: Path) -> tuple[int, str]:
    """The status and the output of a shell command. An interruption ends it and everything that it started."""
    foreign = ("MAKE", "MFLAGS", "UV_PROJECT", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    with subprocess.Popen(
        ["sh", "-c", command],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, said


def last_lines(log: str) -> str:
    """The end of what a failed command printed."""
    return "\n".join(f"    {line}" for line in log.strip().splitlines()[-LOG_LINES:])
