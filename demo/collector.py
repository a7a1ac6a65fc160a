"""A collector for the service's spans. Without an exporter the service records none."""

import http.server
import threading


class Collector(http.server.ThreadingHTTPServer):
    """Listens on a free port of this machine, and discards what it receives."""

    daemon_threads = True

    def __init__(self) -> None:
        """Start to listen."""
        super().__init__(("127.0.0.1", 0), _Reception)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Receive no more."""
        self.shutdown()
        self.server_close()


class _Reception(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(http.HTTPStatus.OK)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""
