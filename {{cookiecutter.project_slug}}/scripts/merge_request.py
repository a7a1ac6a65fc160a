"""Propose an update from the template as a merge request at GitLab. The job template-update runs this."""

import sys
from typing import Any
from urllib.parse import quote

import proposal
from forge import TOKEN, Proposal, ProposalError, RefusedError, Request, call, required

NEEDS = "a project access token with the role Developer and the scope api, as a masked CI/CD variable"
REFUSED = {401, 403}


class GitLab:
    """The project of the pipeline, by GitLab's interface."""

    noun = "merge request"

    def __init__(self) -> None:
        """Read the variables of the pipeline. Raises `ProposalError` without one."""
        self._token = required(TOKEN, NEEDS)
        self._base = required("CI_COMMIT_BRANCH", "the branch that the update is for")
        self._project = required("CI_API_V4_URL", "the address of GitLab's interface") + (
            f"/projects/{required('CI_PROJECT_ID', 'the number of the project')}"
        )
        self.remote = required("CI_PROJECT_URL", "the address of the project") + ".git"

    def requests(self, branch: str) -> list[Request]:
        """Every merge request of the branch, the newest first."""
        rows = self._call("GET", f"merge_requests?state=all&per_page=100&source_branch={quote(branch, safe='')}")
        states = {"opened": "open", "locked": "open"}
        return [
            Request(
                number=row["iid"],
                address=row["web_url"],
                state=states.get(row["state"], row["state"]),
                text=row["description"] or "",
            )
            for row in rows
        ]

    def create(self, proposal: Proposal) -> str:
        """Open a merge request. Returns its address."""
        content = {"source_branch": proposal.branch, "target_branch": self._base, "remove_source_branch": True}
        labels = ",".join(label for label, has in proposal.labels.items() if has)
        content |= {"title": proposal.title, "description": proposal.text, "labels": labels}
        return str(self._call("POST", "merge_requests", content)["web_url"])

    def change(self, request: Request, proposal: Proposal) -> None:
        """Change title, text and labels of a merge request."""
        add, remove = (
            ",".join(label for label, has in proposal.labels.items() if has is wanted) for wanted in (True, False)
        )
        content = {"title": proposal.title, "description": proposal.text, "add_labels": add, "remove_labels": remove}
        self._call("PUT", f"merge_requests/{request.number}", content)

    def not_pushed(self, complaint: str) -> str:
        """GitLab says what it refuses; the token is at fault when it does not let the push in."""
        return f"{complaint} {TOKEN} must be {NEEDS}."

    def _call(self, method: str, path: str, content: object = None) -> Any:
        try:
            return call(method, f"{self._project}/{path}", {"PRIVATE-TOKEN": self._token}, content)
        except RefusedError as error:
            if error.status not in REFUSED:
                raise
            msg = (
                f"GitLab does not let this token {'read' if method == 'GET' else 'open or change'} merge requests: "
                f"{TOKEN} must be {NEEDS}, and merge requests must be on in the project's Settings, General."
            )
            raise ProposalError(msg) from None


if __name__ == "__main__":
    sys.exit(proposal.run(GitLab))
