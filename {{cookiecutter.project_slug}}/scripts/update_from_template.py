"""Update this service from its template: `make update`. Fails when there are conflicts.

This script clones the template and runs its folder `update/`, of the version that the service moves to: a service of
any age is updated by the newest code. TEMPLATE_TOKEN is for the clone of a private template; that code does not get it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

STATE = Path(".cruft.json")
<<<<<<< HEAD
TOKEN = "TEMPLATE_TOKEN"  # noqa: S105 - its name
TOKENS = {TOKEN, "TEMPLATE_UPDATE_TOKEN"}
# git asks this helper when the host wants a login. So the token is in no command, no address and no file.
HELPER = f'!f() {{ echo username=x-access-token; echo "password=${TOKEN}"; }}; f'
RUN = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
runpy.run_module("update", run_name="__main__")
=======
RECORD = Path(".template.json")  # the template's files as they came, for `make doctor`
VENDOR = Path("vendor/firstlight")
PATCH = Path(".cache/template-update.patch")
GENERATE = """
import json, sys
from cookiecutter.main import cookiecutter
cookiecutter(sys.argv[1], no_input=True, output_dir=sys.argv[2], extra_context=json.loads(sys.argv[3]))
>>>>>>> doctor
"""
# git@github.com:acme/firstlight.git, and the same with ssh://, a user or a port
SSH = re.compile(r"(?:ssh://(?:[^/@]+@)?(?P<host>[^/:]+)(?::\d+)?/|[^/@]+@(?P<short>[^/:]+):)(?P<path>.+)")
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class UpdateError(Exception):
    """Why the update failed, in one sentence."""


def main() -> int:
    """Update. Returns the exit status. Raises `UpdateError`."""
    if not STATE.exists():
        msg = "There is no .cruft.json, which names the template of this service; `cruft link` writes one."
        raise UpdateError(msg)
    status = git("status", "--porcelain")
    if status.returncode != 0:
        msg = "This folder is in no git repository, which the update needs: git init && git add . && git commit."
        raise UpdateError(msg)
    if changed := [line[3:] for line in status.stdout.splitlines()]:
        some = ", ".join(changed[:3]) + (", ..." if len(changed) > 3 else "")  # noqa: PLR2004 - as many as in the line above
        msg = (
            f"There are uncommitted changes; commit or stash them first, so that git can tell the update apart: {some}"
        )
        raise UpdateError(msg)
    state = json.loads(STATE.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as directory:
        template = Path(directory).resolve() / "template"
        clone(state["template"], template)
        reference = state.get("checkout")
        if reference and git("-C", str(template), "checkout", "--quiet", reference).returncode != 0:
            msg = (
                f"The template has no {reference}, which `checkout` of .cruft.json names; correct it, or make it null."
            )
            raise UpdateError(msg)
        environment = {name: value for name, value in os.environ.items() if name not in TOKENS}
        return subprocess.run([sys.executable, "-P", "-c", RUN, str(template)], env=environment, check=False).returncode


<<<<<<< HEAD
def clone(address: str, place: Path) -> None:
    """Clone the template. Raises `UpdateError`."""
    reasons = []
    for each in addresses(address):
        done = git(*login(each), "clone", "--quiet", "--", each, str(place))
        if done.returncode == 0:
            git("-C", str(place), "remote", "set-url", "origin", address)
            return
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit status {done.returncode}"]
        fatal = [line.partition(": ")[2] for line in lines if line.startswith("fatal: ")]
        reasons.append(next(iter(fatal), lines[-1]).strip().rstrip("."))
    told = "is refused or may not read it" if os.environ.get(TOKEN) else "is not set"
    msg = (
        f"The template {address} could not be cloned: {'; by HTTPS: '.join(reasons)}. A private template needs "
        f"{TOKEN}, a token that may read it, which {told}."
    )
    raise UpdateError(without_secrets(msg))


def addresses(address: str) -> Iterator[str]:
    """Where to clone from: an SSH address also by HTTPS, because a runner has no key. With a token only by HTTPS."""
    match = SSH.fullmatch(address)
    if not (match and os.environ.get(TOKEN)):
        yield address
    if match:
        yield f"https://{match['host'] or match['short']}/{match['path'].lstrip('/')}"
=======
def _update(work: Path, answers: Mapping[str, str]) -> list[str]:
    """Bring the new version in. Returns what the merge could not settle and left no marks of."""
    before, yours = _state(), _yours()
    template = _clone(work, before)
    _refuse_unknown(answers, template, before)
    old = _generate(template, before, work / "old")
    _remember(old)
    edited, removed = _touched(old, yours)
    if _cruft("update", "--skip-apply-ask", "--variables-to-update", json.dumps(answers)) != 0:
        msg = "cruft could not update this service; its output is above."
        raise UpdateError(msg)
    new = _generate(template, _state(), work / "new")
    print(f"Updated from {before['commit'][:12]} to {_state()['commit'][:12]}.")
    _replace_library(old, new)
    if (new / RECORD).exists():  # also where it was removed, which a merge would respect
        shutil.copyfile(new / RECORD, RECORD)
    removed = [path for path in removed if (new / path).exists() and list(_different(old / path, new / path))]
    taken = [path for path in _touched(new, yours)[0] if not (old / path).exists()]
    _report(yours, [*removed, *taken], old, new)
    return list(_one_sided([path for path in edited if not (new / path).exists()], removed, taken))


def _touched(emitted: Path, yours: list[str]) -> tuple[list[str], list[str]]:
    """The template's files that are different here, and those that are not here."""
    files = [path.relative_to(emitted) for path in sorted(emitted.rglob("*")) if path.is_file()]
    others = [*map(Path, yours), VENDOR, STATE, RECORD]
    owned = [path for path in files if not any(path.is_relative_to(place) for place in others)]
    edited = [str(path) for path in owned if path.is_file() and list(_different(path, emitted / path))]
    return edited, [str(path) for path in owned if not path.exists()]
>>>>>>> doctor


def login(address: str) -> list[str]:
    """Options of git by which it logs in with the token, at this host only, and stores it nowhere."""
    parts = urlsplit(address)
    if not os.environ.get(TOKEN) or not (parts.scheme == "https" or parts.hostname in LOOPBACK):
        return []
    scope = f"credential.{parts.scheme}://{parts.netloc.rpartition('@')[2]}.helper"
    return ["-c", "credential.helper=", "-c", f"{scope}=", "-c", f"{scope}={HELPER}"]


def without_secrets(text: str) -> str:
    """The text without the token, and without logins in addresses."""
    token = os.environ.get(TOKEN)
    return re.sub(r"(?<=//)[^/@\s]+@", "", text.replace(token, "...") if token else text)


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git. Without a terminal it fails where it would ask."""
    environment = {**os.environ, "LC_ALL": "C"}
    if not sys.stdin.isatty():
        environment = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10", **environment}
        environment["GIT_TERMINAL_PROMPT"] = "0"
    return subprocess.run(["git", *arguments], capture_output=True, text=True, env=environment, check=False)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UpdateError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
