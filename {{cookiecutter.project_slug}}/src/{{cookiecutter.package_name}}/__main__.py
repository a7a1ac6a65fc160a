"""Run the service: `python -m <package>`. Exit status 0 after a drain, 2 for a bad setting, 3 for a failed start."""

import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from .observability import sink
from .settings import IDENTITY, Settings, SettingsError, load

BAD_SETTING = 2
FAILED_START = 3
FLUSH_SECONDS = 3.0
KEEP_ALIVE_SECONDS = 75  # longer than load balancers keep idle connections, so that they close first
SWITCH_SECONDS = 0.001  # how long a scrape or an export may hold the interpreter while a request waits


def main() -> int:
    """Serve until told to stop."""
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        settings = load(Settings)
        from .app import create_app  # noqa: PLC0415 - after the settings: OpenTelemetry reads some at import

        _listen("MANAGEMENT_PORT", settings.management_host, settings.management_port).close()
        with _listen("PORT", settings.host, settings.port) as listener:
            settings = settings.model_copy(update={"port": listener.getsockname()[1]})
            return _serve(create_app(settings), settings, listener)
    except SettingsError as error:
        print(f"{IDENTITY['name']}: {error}", file=sys.stderr)  # noqa: T201 - logging is not configured yet
        return BAD_SETTING


def _listen(variable: str, host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        msg = f"{variable} {port} on {host} cannot be opened ({error.strerror}): choose a free one"
        raise SettingsError(msg) from None


def _serve(app: ASGIApp, settings: Settings, listener: socket.socket) -> int:
    # The server raises the signal that stopped it once more when it has stopped: let that be a plain end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        reset_contextvars=True,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.graceful_seconds,
    )
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return 0
    finally:
        sink.stdout.flush(FLUSH_SECONDS)  # what the server said after the lifespan ended, or failed to begin
    return 0 if server.started else FAILED_START


if __name__ == "__main__":
    sys.exit(main())
