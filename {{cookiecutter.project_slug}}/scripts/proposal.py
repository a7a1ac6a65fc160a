"""Propose what `make update` changed: one branch and one request to merge it, for as many weeks as that takes.

The branch is named after the version that the service has, so a later version changes the open request. A branch with
commits of people is left alone. A request that somebody closed is not opened again for the same version.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import git_login
from forge import TOKEN, Forge, Proposal, ProposalError, Request

UPDATE = Path(".cache/template-update.md")  # title and text, by `make update`
EMAIL = "template-update@noreply.invalid"  # by it this script knows its own commits
# In the environment, where a runner may have other values, which win over options.
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "template-update"), ("EMAIL", EMAIL))
}


def run(forge: Callable[[], Forge]) -> int:
    """Propose the update and print what was done. Returns the exit status: 1 for conflicts and failures."""
    failed = os.environ.get("OUTCOME") == "failure"
    try:
        sentence, settled = propose(forge(), failed=failed)
    except ProposalError as error:
        token, prefix = os.environ.get(TOKEN), "::error::" if os.environ.get("GITHUB_ACTIONS") else ""
        print(prefix + (str(error).replace(token, "...") if token else str(error)))
        return 1
    print(sentence)
    return int(failed and not settled)


def propose(forge: Forge, *, failed: bool) -> tuple[str, bool]:
    """Propose the update. Returns what was done, and whether a person has dealt with it. Raises `ProposalError`."""
    git("add", "--all")
    if not git("diff", "--cached", "--name-only") and not failed:
        return "There is nothing to propose.", True
    if not UPDATE.exists():
        msg = "make update failed, so there is nothing to propose; its output above has the reason."
        raise ProposalError(msg)
    if git("rev-parse", "--is-shallow-repository") == "true":
        msg = 'This checkout has no history; fetch all of it: fetch-depth: 0 at GitHub, GIT_DEPTH: "0" at GitLab.'
        raise ProposalError(msg)
    branch = f"template/from-{json.loads(git('show', 'HEAD:.cruft.json'))['commit'][:12]}"
    title, _, text = UPDATE.read_text("utf-8").removeprefix("# ").partition("\n")
    wanted = Proposal(
        branch=branch, title=title, text=text.strip(), labels={"template": True, "template-conflict": failed}
    )
    tip, requests = fetch(forge, branch), forge.requests(branch)
    opened = next((request for request in requests if request.state == "open"), None)
    if sentence := left_alone(forge, wanted, opened, requests, people(tip)):
        return sentence, True
    return push_and_open(forge, wanted, opened, tip), False


def left_alone(
    forge: Forge, wanted: Proposal, opened: Request | None, requests: list[Request], names: list[str]
) -> str:
    """Why nothing is pushed, if so. Raises `ProposalError` for a branch of people without an open request."""
    version = wanted.text.splitlines()[-1]
    if opened and names:
        return f"{opened.address} has commits of {', '.join(names)}, so it is left as it is; merge or close it."
    closed = [request for request in requests if request.state == "closed" and version in request.text]
    if closed and not opened:
        return f"{closed[0].address} proposed this version and was closed, so it is not proposed again."
    if names:
        msg = (
            f"The branch {wanted.branch} has commits of {', '.join(names)} and no open {forge.noun}, so it is left as "
            f"it is; open a {forge.noun} for it, or delete it."
        )
        raise ProposalError(msg)
    return ""


def push_and_open(forge: Forge, wanted: Proposal, opened: Request | None, tip: str) -> str:
    """Commit and push what is new, and open the request or change the open one. Returns what was done."""
    git("switch", "--quiet", "--force-create", wanted.branch)
    git("commit", "--quiet", "--no-verify", "--message", wanted.title)
    if tip and git("rev-parse", f"{tip}^{{tree}}") == git("rev-parse", "HEAD^{tree}"):
        if opened:
            return f"{opened.address} proposes this version already."
    else:
        push(forge, wanted.branch, tip)
    if opened:
        forge.change(opened, wanted)
        return f"{opened.address} is updated: {wanted.title}"
    return f"{forge.create(wanted)} is open: {wanted.title}"


def fetch(forge: Forge, branch: str) -> str:
    """The commit that the branch has at the forge; empty when there is none."""
    reference = f"refs/heads/{branch}"
    tip = git("ls-remote", forge.remote, reference, login=forge.remote).partition("\t")[0]
    if tip:
        git("fetch", "--quiet", forge.remote, reference, login=forge.remote)
    return tip


def people(tip: str) -> list[str]:
    """The names of those who have commits on the branch, besides this script."""
    lines = git("log", "--format=%ce%x09%cn", f"HEAD..{tip}").splitlines() if tip else []
    return sorted({line.partition("\t")[2] for line in lines if not line.startswith(f"{EMAIL}\t")})


def push(forge: Forge, branch: str, tip: str) -> None:
    """Push the branch, unless somebody has pushed to it since `fetch`."""
    lease = f"--force-with-lease=refs/heads/{branch}:{tip}"
    try:
        git("push", "--quiet", lease, forge.remote, f"HEAD:refs/heads/{branch}", login=forge.remote)
    except ProposalError as error:
        raise ProposalError(forge.not_pushed(str(error))) from None


def git(*arguments: str, login: str = "") -> str:
    """Run git, with a login at a remote. Returns its output. Raises `ProposalError` with its complaint."""
    environment = {**os.environ, **IDENTITY, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    address = git("remote", "get-url", login) if login == "origin" else login
    command = ["git", *git_login.options(address, TOKEN), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        msg = f"git {arguments[0]} failed: {' '.join(done.stderr.split())}"
        raise ProposalError(msg)
    return done.stdout.strip()
