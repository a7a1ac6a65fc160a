"""Taking a port before anything else is started."""

import errno
import socket
from contextlib import ExitStack

from ..errors import SettingsError


def bind(prefix: str, host: str, port: int) -> socket.socket:
    """Take a port; it opens when the server begins to listen. Raises `SettingsError`, which names `<prefix>PORT`."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as stack:
            bound = stack.enter_context(socket.socket(family, kind))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            stack.pop_all()
            return bound
    except OSError as error:
        variable = f"PORT {port}" if error.errno in {errno.EADDRINUSE, errno.EACCES} else f"HOST {host}"
        cure = f" (set {prefix}PORT to a free one)" if error.errno == errno.EADDRINUSE else ""
        msg = f"{prefix}{variable} cannot be opened: {error.strerror}{cure}"
        raise SettingsError(msg) from None
