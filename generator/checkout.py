"""The git checkout of this template: its commit, and the address where others can fetch it."""

import functools
import os
import re
import subprocess
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from .repository import ROOT

# An address from which `uses:` can fetch a repository: on any host, but not a directory.
_ORIGIN = re.compile(r"(?:https?://|ssh://)?[^/:.][^/:]*(?::[0-9]+/|[/:])(?P<repository>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """The template's commit and origin. Without a commit, `missing` says why and what to do."""

    commit: str = ""
    origin: str = ""
    missing: str = ""


@functools.cache
def checkout() -> Checkout:
    """The checkout, from git. `origin` is this directory when the remote `origin` does not have the commit."""
    try:
        answer = _git("rev-parse", "--show-cdup", "HEAD")
    except FileNotFoundError:
        return Checkout(missing="git was not found; install it and generate again")
    except subprocess.CalledProcessError as error:
        return Checkout(missing=_reason(error.stderr))
    up, _, commit = answer.partition("\n")
    if up:
        return Checkout(missing="the template is inside another repository; generate from its own repository")
    return Checkout(commit=commit.strip(), origin=_origin(commit.strip()))


def address(path: str) -> str:
    """An action of this repository as `uses:` names it, or an empty string when others could not fetch it."""
    where = _ORIGIN.fullmatch(checkout().origin)
    return f"{where['repository']}/{path}@{checkout().commit}" if where else ""


def _origin(commit: str) -> str:
    published = _git("for-each-ref", "--count=1", "--contains", commit, "refs/remotes", "refs/tags").strip()
    try:
        origin = _git("remote", "get-url", "origin").strip() if published else ""
    except subprocess.CalledProcessError:
        origin = ""
    return _without_credentials(origin) or str(ROOT)


def _reason(complaint: str) -> str:
    if "dubious ownership" in complaint:
        return (
            "the template's directory belongs to another user, so git does not read it; generate from its URL, "
            f"or trust it first: git config --global --add safe.directory {str(ROOT)!r}"
        )
    if "not a git repository" in complaint:
        return "the template is no git checkout, perhaps an unpacked archive; generate from its repository"
    return f"git could not read the template's commit ({' '.join(complaint.split())})"


def _git(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, capture_output=True, check=True, env=environment | {"LC_ALL": "C"}, text=True
    )
    return done.stdout


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
