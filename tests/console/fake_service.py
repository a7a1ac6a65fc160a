"""A server that answers as the console of a service does, with replies that a test chooses."""

import json
import runpy
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from console import replies
from template import ROOT

PAGE, POLICY = runpy.run_path(str(ROOT / "runtime/src/firstlight/console/page/document.py"))["document"]()
API = "/console/api/v1/"
LEVELS = ("debug", "info", "warning", "error", "critical")


class FakeService:
    """Holds what it answers. Tests add requests and lines, and end its token."""

    def __init__(self) -> None:
        """Begin with forty requests and as many lines."""
        now = time.time()
        self.requests = [replies.request(seq, now - 80 + 2 * seq) for seq in range(1, 41)]
        self.lines = [replies.line(seq, now - 80 + 2 * seq) for seq in range(1, 41)]
        self.blocked_ms = 0
        self.asked: list[str] = []  # the path and query of every request to the interface, or "POST path body"
        self.status = 200
        self.port = 0

    def add(self) -> str:
        """Finish one more request; its trace id."""
        self.requests.append(replies.request(len(self.requests) + 1, time.time()))
        self.lines.append(replies.line(len(self.lines) + 1, time.time()))
        return str(self.requests[-1]["trace_id"])

    def reply(self, name: str, query: Mapping[str, str]) -> Mapping[str, Any] | None:
        """The reply of a twin; None if there is none."""
        now = time.time()
        if not name:
            return {
                "sections": ["requests"],
                "actions": ["profile"],
                "components": [{"name": "database", "title": "Database"}],
            }
        if name == "signals":
            return replies.signals(now, float(query.get("since") or 0))
        if name == "requests":
            return self._listed([each for each in self.requests if _wanted(each, query)], query, len(self.requests))
        if name == "logs":
            lines = [{"seq": seq, "line": each} for seq, each in enumerate(self.lines, 1) if _matches(each, query)]
            return self._listed(lines, query, len(self.lines))
        if name.startswith("requests/"):
            found = [each for each in self.requests if each["trace_id"] == name.removeprefix("requests/")]
            return replies.detail(found[0]) if found else None
        of_alert = replies.runbook(now, name.removeprefix("alerts/"))
        return of_alert or replies.fixed(now).get(name)

    def _listed(self, items: list[dict[str, Any]], query: Mapping[str, str], last: int) -> Mapping[str, Any]:
        newer = [each for each in items if each["seq"] > int(query.get("after") or 0)]
        return {"items": newer[-int(query.get("limit", 200)) :], "next": last, "dropped": 0}


def _wanted(item: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    return (
        (not query.get("errors") or item["status"] >= 500)
        and item["ms"] > float(query.get("slower") or 0)
        and query.get("route", "") in ("", item["route"])
        and query.get("text", "") in json.dumps(item)
        and float(query.get("since") or 0) <= item["time"] <= float(query.get("until") or "inf")
    )


def _matches(line: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    return (
        LEVELS.index(line["level"]) >= LEVELS.index(query.get("level") or "debug")
        and query.get("text", "") in json.dumps(line)
        and query.get("trace", "") in ("", line["trace_id"])
    )


@contextmanager
def serving(service: FakeService, port: int = 0) -> Iterator[str]:
    """Serve until the end of the block: the address of the server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if not address.path.startswith(API):
                return self._send(200, PAGE, "text/html; charset=utf-8")
            service.asked.append(self.path.removeprefix(API))
            return self._answer(unquote(address.path.removeprefix(API)), dict(parse_qsl(address.query)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            service.asked.append(f"POST {self.path.removeprefix(API)} {self.headers['X-Console']} {body}")
            self._answer(self.path.removeprefix(API), {})

        def _answer(self, name: str, query: Mapping[str, str]) -> None:
            reply = service.reply(name, query) if service.status == 200 else None
            status = service.status if reply is not None or service.status != 200 else 404
            said = (
                {"error": f"No {name}."}
                if reply is None
                else {"version": 1, "now": time.time(), "blocked_ms": service.blocked_ms, **reply}
            )
            self._send(status, json.dumps(said).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    service.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
