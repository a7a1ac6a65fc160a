"""A forge on the loopback interface: repositories by git's HTTP, requests to merge by GitHub's and GitLab's interface.

It keeps state as a forge does: branches, requests with labels, and what a token may do.
"""

import base64
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "forge-token-8c1f"  # noqa: S105 - nobody else's
OWNER, NAME = "acme", "acme-links"
LARGEST_TEXT = 65_536  # characters, at GitHub
Row = dict[str, Any]


@dataclass
class Forge:
    """The repositories in a directory, and the requests of the service's repository."""

    directory: Path
    address: str = ""
    permitted: bool = True  # whether the token may open requests
    private: bool = False  # whether reading repositories needs the token
    rows: list[Row] = field(default_factory=list)
    dispatched: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    def open(self, kind: str) -> list[Row]:
        """The open requests."""
        return [row for row in self.rows if row["state"] in {"open", "opened"} and kind in row["kind"]]

    def close(self) -> None:
        """Close every request without a merge, as a person would."""
        for row in self.rows:
            row["state"] = "closed"

    def branches(self) -> dict[str, str]:
        """The commits of the branches of the service's repository."""
        command = ["git", "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"]
        done = subprocess.run(
            command, cwd=self.directory / f"{OWNER}/{NAME}.git", capture_output=True, text=True, check=True
        )
        return dict(line.split() for line in done.stdout.splitlines())

    def answer(self, method: str, path: str, query: dict[str, list[str]], content: Row) -> tuple[int, Any]:
        """The status and the answer of a call."""
        github, gitlab = f"/repos/{OWNER}/{NAME}/", "/api/v4/projects/7/"
        if path.startswith(github):
            return self._github(method, path.removeprefix(github).split("/"), query, content)
        if path.startswith(gitlab):
            return self._gitlab(method, path.removeprefix(gitlab).split("/"), query, content)
        return 404, {"message": "Not Found"}

    def _github(self, method: str, parts: list[str], query: dict[str, list[str]], content: Row) -> tuple[int, Any]:
        match (method, *parts):
            case ("GET", "pulls"):
                return 200, [row for row in reversed(self.rows) if query["head"] == [f"{OWNER}:{row['branch']}"]]
            case ("POST", "pulls") if not self.permitted:
                return 403, {"message": "GitHub Actions is not permitted to create or approve pull requests."}
            case ("POST", "pulls"):
                if (
                    len(content["body"]) > LARGEST_TEXT
                    or content["head"] not in self.branches()
                    or self._has(content["head"])
                ):
                    return 422, {"message": "Validation Failed"}
                return 201, self._add("pull", content["head"], content["title"], content["body"], "open")
            case ("PATCH", "pulls", number):
                self._row(number).update(content)
            case ("POST", "issues", number, "labels"):
                self._row(number)["labels"] |= set(content["labels"])
            case ("DELETE", "issues", number, "labels", label) if label in self._row(number)["labels"]:
                self._row(number)["labels"].remove(label)
            case ("POST", "actions", "workflows", workflow, "dispatches"):
                self.dispatched.append(f"{workflow} {content['ref']}")
            case _:
                return 404, {"message": "Not Found"}
        return 200, {}

    def _gitlab(self, method: str, parts: list[str], query: dict[str, list[str]], content: Row) -> tuple[int, Any]:
        match (method, *parts):
            case ("GET", "merge_requests"):
                return 200, [row for row in reversed(self.rows) if query["source_branch"] == [row["branch"]]]
            case ("POST", "merge_requests"):
                if not self.permitted:
                    return 403, {"message": "403 Forbidden"}
                branch = content["source_branch"]
                if branch not in self.branches() or self._has(branch):
                    return 409, {"message": ["Another open merge request already exists for this source branch"]}
                row = self._add("merge", branch, content["title"], content["description"], "opened")
                row["labels"] = set(content["labels"].split(","))
                return 201, row
            case ("PUT", "merge_requests", number):
                row = self._row(number)
                row["labels"] = (row["labels"] | set(content["add_labels"].split(","))) - set(
                    content["remove_labels"].split(",")
                )
                row.update(title=content["title"], description=content["description"], body=content["description"])
            case _:
                return 404, {"message": "404 Not Found"}
        return 200, {}

    def _has(self, branch: str) -> bool:
        return any(row["branch"] == branch for row in self.open(""))

    def _row(self, number: str) -> Row:
        return self.rows[int(number) - 1]

    def _add(self, kind: str, branch: str, title: str, text: str, state: str) -> Row:
        number = len(self.rows) + 1
        address = f"{self.address}/{OWNER}/{NAME}/{kind}/{number}"
        row: Row = {"kind": kind, "branch": branch, "title": title, "body": text, "description": text, "state": state}
        row |= {
            "number": number,
            "iid": number,
            "html_url": address,
            "web_url": address,
            "merged_at": None,
            "labels": set(),
        }
        self.rows.append(row)
        return row


def handler(forge: Forge) -> type[BaseHTTPRequestHandler]:
    """The requests of HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if ".git/" in parts.path:
                self._git(parts.path, parts.query, body)
                return
            if TOKEN not in {
                self.headers["PRIVATE-TOKEN"],
                (self.headers["Authorization"] or "").removeprefix("Bearer "),
            }:
                self._send(401, b'{"message": "Bad credentials"}')
                return
            status, answer = forge.answer(self.command, parts.path, parse_qs(parts.query), json.loads(body or b"{}"))
            self._send(status, json.dumps(answer, default=sorted).encode())

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_one  # noqa: N815 - http.server's names

        def _git(self, path: str, query: str, body: bytes) -> None:
            """Serve a repository: reading a private one and every push need the token as password."""
            given = base64.b64decode((self.headers["Authorization"] or "").removeprefix("Basic ")).decode()
            if given:
                forge.logins.append(given)
            if (forge.private or "receive-pack" in self.path) and given.partition(":")[2] != TOKEN:
                self._send(401, b"", ("WWW-Authenticate", 'Basic realm="forge"'))
                return
            environment = {
                "GIT_PROJECT_ROOT": str(forge.directory),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers["Content-Type"] or "",
                "HTTP_CONTENT_ENCODING": self.headers["Content-Encoding"] or "",
                "GIT_PROTOCOL": self.headers["Git-Protocol"] or "",
                "REMOTE_USER": "someone",
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env={**os.environ, **environment}, capture_output=True, check=False
            )
            head, _, answer = done.stdout.partition(b"\r\n\r\n")
            fields = [tuple(line.split(": ", 1)) for line in head.decode().splitlines()]
            status = next((int(value.split()[0]) for name, value in fields if name == "Status"), 200)
            self._send(status, answer, *((name, value) for name, value in fields if name != "Status"))

        def _send(self, status: int, answer: bytes, *fields: tuple[str, ...]) -> None:
            self.send_response(status)
            for name, value in fields:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler


@contextmanager
def serving(directory: Path) -> Iterator[Forge]:
    """Serve the bare repositories in a directory."""
    forge = Forge(directory)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(forge))
    forge.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
