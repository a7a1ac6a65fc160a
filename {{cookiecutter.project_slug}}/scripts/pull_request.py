"""Propose an update from the template as a pull request at GitHub. The workflow template-update runs this."""

import os
import sys
from typing import Any
from urllib.parse import quote

import proposal
from forge import TOKEN, Proposal, ProposalError, RefusedError, Request, call, required

NOT_PERMITTED = (
    "The branch {branch} has the update, but this token may not open pull requests. In the repository's Settings, "
    "under Actions, General, Workflow permissions, switch on `Allow GitHub Actions to create and approve pull "
    "requests`; or set the secret TEMPLATE_UPDATE_TOKEN of the environment template-update to a token with write "
    "access to contents, pull requests and workflows."
)
NO_WORKFLOWS = (
    "The update changes workflows, which this token may not push: set the secret TEMPLATE_UPDATE_TOKEN of the "
    "environment template-update to a token with write access to contents, pull requests and workflows."
)
FORBIDDEN, NOT_FOUND = 403, 404


class GitHub:
    """The repository of the workflow, by GitHub's interface."""

    noun = "pull request"
    remote = "origin"

    def __init__(self) -> None:
        """Read the variables of the workflow. Raises `ProposalError` without one."""
        self._token = required(TOKEN, "a token that may push a branch and open a pull request")
        self._base = required("GITHUB_REF_NAME", "the branch that the update is for")
        self._repository = required("GITHUB_REPOSITORY", "the repository, as owner/name")
        self._api = os.environ.get("GITHUB_API_URL", "https://api.github.com")

    def requests(self, branch: str) -> list[Request]:
        """Every pull request of the branch, the newest first."""
        head = quote(f"{self._repository.partition('/')[0]}:{branch}")
        rows = self._call("GET", f"pulls?state=all&per_page=100&head={head}")
        return [
            Request(
                number=row["number"],
                address=row["html_url"],
                state="merged" if row["merged_at"] else row["state"],
                text=row["body"] or "",
            )
            for row in rows
        ]

    def create(self, proposal: Proposal) -> str:
        """Open a pull request, and start its checks. Returns its address."""
        content = {"head": proposal.branch, "base": self._base, "title": proposal.title, "body": proposal.text}
        try:
            row = self._call("POST", "pulls", content)
        except RefusedError as error:
            if error.status == FORBIDDEN:
                raise ProposalError(NOT_PERMITTED.format(branch=proposal.branch)) from None
            raise
        self._finish(row["number"], proposal)
        return str(row["html_url"])

    def change(self, request: Request, proposal: Proposal) -> None:
        """Change title, text and labels of a pull request, and start its checks."""
        self._call("PATCH", f"pulls/{request.number}", {"title": proposal.title, "body": proposal.text})
        self._finish(request.number, proposal)

    def not_pushed(self, complaint: str) -> str:
        """GitHub refuses a push that changes workflows to most tokens."""
        return NO_WORKFLOWS if "without `workflow" in complaint else complaint

    def _finish(self, number: int, proposal: Proposal) -> None:
        """Set the labels and start ci, because a push with the job's token starts no workflow. Both may fail."""
        try:
            added = [label for label, has in proposal.labels.items() if has]
            self._call("POST", f"issues/{number}/labels", {"labels": added})
            for label in proposal.labels.keys() - added:
                self._remove(number, label)
            self._call("POST", "actions/workflows/ci.yml/dispatches", {"ref": proposal.branch})
        except RefusedError as error:
            print(f"::warning::Labels or checks of the pull request are missing. {error}")

    def _remove(self, number: int, label: str) -> None:
        try:
            self._call("DELETE", f"issues/{number}/labels/{label}")
        except RefusedError as error:
            if error.status != NOT_FOUND:
                raise

    def _call(self, method: str, path: str, content: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/vnd.github+json"}
        return call(method, f"{self._api}/repos/{self._repository}/{path}", headers, content)


if __name__ == "__main__":
    sys.exit(proposal.run(GitHub))
