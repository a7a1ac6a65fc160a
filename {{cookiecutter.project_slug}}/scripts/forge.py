"""What the weekly update asks of a forge, a host of repositories: requests to merge a branch."""

import json
import os
import ssl
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.request import Request as Call
from urllib.request import urlopen

TOKEN = "TEMPLATE_UPDATE_TOKEN"  # noqa: S105 - the name of the variable that has it
TIMEOUT_SECONDS = 30


class ProposalError(Exception):
    """Why the update could not be proposed, in one sentence."""


class RefusedError(ProposalError):
    """The forge refused a call, with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the status."""
        super().__init__(f"The forge refused a call with {status}: {' '.join(message.split())[:500]}")
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to merge the branch. `state` is `open`, `closed` or `merged`."""

    number: int
    address: str
    state: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A request as it should be. `labels` says of each label of the update whether the request has it."""

    branch: str
    title: str
    text: str
    labels: dict[str, bool]


class Forge(Protocol):
    """A forge, and its word for a request to merge."""

    noun: str
    remote: str  # where git pushes the branch

    def requests(self, branch: str) -> list[Request]:
        """Every request to merge the branch, the newest first."""

    def create(self, proposal: Proposal) -> str:
        """Open a request. Returns its address. Raises `ProposalError`, which names the setting when it may not."""

    def change(self, request: Request, proposal: Proposal) -> None:
        """Change title, text and labels of a request."""

    def not_pushed(self, complaint: str) -> str:
        """Why git could not push and what to do, in one sentence."""


def call(method: str, address: str, headers: dict[str, str], content: object = None) -> Any:
    """Call the forge's interface with JSON. Returns its answer. Raises `RefusedError` or `ProposalError`."""
    place = address.partition("?")[0]
    body = None if content is None else json.dumps(content).encode()
    request = Call(address, body, {"Content-Type": "application/json", **headers}, method=method)
    context = ssl.create_default_context(cafile=os.environ.get("CI_SERVER_TLS_CA_FILE"))
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS, context=context) as response:
            answer = response.read()
    except HTTPError as error:
        raise RefusedError(error.code, error.read().decode("utf-8", "replace")) from None
    except (OSError, HTTPException) as error:  # also while the answer arrives
        msg = f"{place} could not be reached: {getattr(error, 'reason', error)}."
        raise ProposalError(msg) from None
    try:
        return json.loads(answer) if answer else None
    except ValueError:
        msg = f"{place} answered with something else than JSON, as a proxy or a page to log in does."
        raise ProposalError(msg) from None


def required(name: str, what: str) -> str:
    """The value of an environment variable. Raises `ProposalError` without one."""
    if value := os.environ.get(name):
        return value
    msg = f"{name} is not set: {what}."
    raise ProposalError(msg)
