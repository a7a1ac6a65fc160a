"""Where tasks wait that the releases of a service share, as a database is shared: `python tasks_server.py PORT`.

`/prepare/<release>` is what the command of a release does here. `/take/<release>` hands out one task, or nothing; after
`/endless/<seconds>` there is always one, which takes so long, until `/endless/none`. `/state/` tells everything.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock


class Tasks:
    """Who has prepared, and who has taken what."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self.seconds = "none"
        self.prepared: list[str] = []
        self.taken: list[tuple[str, str]] = []

    def prepare(self, release: str) -> str:
        """Note who has prepared."""
        self.prepared.append(release)
        return ""

    def endless(self, seconds: str) -> str:
        """Have tasks without end, or none."""
        self.seconds = seconds
        return ""

    def take(self, release: str) -> str:
        """Hand out a task. Its name says how long it takes."""
        if self.seconds == "none":
            return ""
        name = f"{len(self.taken)}-{self.seconds}"
        self.taken.append((name, release))
        return name

    def state(self, _: str) -> str:
        """Tell everything."""
        return json.dumps({"prepared": self.prepared, "taken": self.taken})


class Handler(BaseHTTPRequestHandler):
    """One request, one change."""

    tasks = Tasks()
    lock = Lock()

    def do_GET(self) -> None:
        """Do it, and tell."""
        _, verb, argument = self.path.split("/")
        tasks = self.tasks
        verbs = {
            "prepare": tasks.prepare,
            "take": tasks.take,
            "endless": tasks.endless,
            "state": tasks.state,
        }
        with self.lock:
            body = verbs[verb](argument).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
