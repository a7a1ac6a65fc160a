"""A stand-in for a service that the demo's service calls. It can be lost for a while."""

import http.server
import threading


class Partner(http.server.ThreadingHTTPServer):
    """Answers every request, and while it is lost hangs up on every one. Listens on a free port of this machine."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        """Start to answer."""
        super().__init__(("127.0.0.1", 0), _Reception)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._lost = threading.Event()
        threading.Thread(target=self.serve_forever, name="demo partner", daemon=True).start()

    @property
    def is_lost(self) -> bool:
        """Whether it hangs up."""
        return self._lost.is_set()

    def lose(self) -> None:
        """Hang up from now on."""
        self._lost.set()

    def find(self) -> None:
        """Answer again."""
        self._lost.clear()


class _Reception(http.server.BaseHTTPRequestHandler):
    server: Partner

    def do_GET(self) -> None:
        if self.server.is_lost:
            self.close_connection = True
            return
        body = b'{"price": 42}'
        self.send_response(http.HTTPStatus.OK)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""
