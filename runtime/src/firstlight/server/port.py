"""Binds the ports before anything else is started."""

import errno
import socket
from contextlib import ExitStack

from ..errors import SettingsError
from ..settings import Settings
from ..text import shown


def bind(settings: Settings) -> socket.socket:
    """Bind the service port. The server listens on it later. Raises `SettingsError`."""
    return _bound("HOST", settings.host, "PORT", settings.port)


def bind_management(settings: Settings) -> socket.socket:
    """Bind the management port. Raises `SettingsError`, which names `HOST` if both ports use that address."""
    address = "HOST" if settings.management_host == settings.host else "MANAGEMENT_HOST"
    return _bound(address, settings.management_host, "MANAGEMENT_PORT", settings.management_port)


def _bound(host_variable: str, host: str, port_variable: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as stack:
            bound = stack.enter_context(socket.socket(family, kind))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            stack.pop_all()
            return bound
    except UnicodeError:  # the name cannot be encoded
        msg = f"{host_variable} {shown(host)} is neither an address nor the name of a host"
        raise SettingsError(msg) from None
    except OSError as error:
        is_port = error.errno in {errno.EADDRINUSE, errno.EACCES}
        wrong = f"{port_variable} {port}" if is_port else f"{host_variable} {shown(host)}"
        cure = f" (set {port_variable} to a free one)" if error.errno == errno.EADDRINUSE else ""
        msg = f"{wrong} cannot be opened: {error.strerror}{cure}"
        raise SettingsError(msg) from None
