"""Opens connections to a server, directly or through the proxy named in the environment, with TLS for https."""

import base64
import http.client
import os
import socket
import ssl
from typing import cast
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from .limited_socket import LimitedSocket, Limits

_PORTS = {"http": 80, "https": 443}


def trust(certificate: str | None = None, client: str | None = None, key: str | None = None) -> ssl.SSLContext:
    """A TLS context that trusts the file `certificate`, else `REQUESTS_CA_BUNDLE`, else the system's certificates.

    `client` is the file of a client certificate, `key` that of its key. Raises `OSError` for a bad file.
    """
    context = ssl.create_default_context(cafile=certificate or os.environ.get("REQUESTS_CA_BUNDLE") or None)
    if client:
        context.load_cert_chain(client, key or None)
    return context


class Route:
    """Opens connections to the server of a URL, for HTTP/1.1."""

    def __init__(self, url: str, context: ssl.SSLContext | None) -> None:
        """Read the proxy from the environment. `context` is used for https URLs."""
        self._url = urlsplit(url)
        self._host, self._port = self._url.hostname or "", _port(self._url)
        self._context = context if self._url.scheme == "https" else None
        self._proxy = _proxy(self._url)

    @property
    def target(self) -> str:
        """The target of the request line: a path, or the whole URL for an HTTP proxy."""
        if self._proxy and self._context is None:
            return self._url._replace(netloc=f"{self._url.hostname}:{self._port}", fragment="").geturl()
        return self._url._replace(scheme="", netloc="", fragment="").geturl() or "/"

    @property
    def headers(self) -> dict[str, str]:
        """The credentials for an HTTP proxy, if the URL is not https."""
        return _authorization(self._proxy) if self._proxy and self._context is None else {}

    def connect(self, limits: Limits) -> tuple[http.client.HTTPConnection, LimitedSocket]:
        """Open a connection. Raises `OSError`. The limits do not include the DNS look-up."""
        first = self._proxy or self._url
        limited = LimitedSocket(_connected(first.hostname or "", _port(first), limits), limits)
        try:
            if self._context is None:
                connection = http.client.HTTPConnection(self._host, self._port)
            else:
                if self._proxy:
                    self._tunnel(limited)
                limited.raw.settimeout(limits.seconds_left())
                limited.raw = self._context.wrap_socket(limited.raw, server_hostname=self._host)
                connection = http.client.HTTPSConnection(self._host, self._port, context=self._context)
        except BaseException:
            limited.close()
            raise
        connection.sock = cast("socket.socket", limited)
        return connection, limited

    def _tunnel(self, limited: LimitedSocket) -> None:
        host = f"[{self._host}]" if ":" in self._host else self._host
        lines = [f"CONNECT {host}:{self._port} HTTP/1.1", f"Host: {host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in _authorization(self._proxy).items()]
        limited.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        response = http.client.HTTPResponse(cast("socket.socket", limited), method="CONNECT")
        response.begin()
        response.close()
        if response.status != http.HTTPStatus.OK:
            msg = f"the proxy answered {response.status}"
            raise ConnectionError(msg)


def _connected(host: str, port: int, limits: Limits) -> socket.socket:
    failed: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(limits.seconds_left())
            made.connect(address)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            made.close()
            failed = error
        else:
            return made
    raise failed or OSError("the host has no address")


def _port(url: SplitResult) -> int:
    return url.port or _PORTS.get(url.scheme, 80)


def _proxy(url: SplitResult) -> SplitResult | None:
    named = getproxies()
    address = named.get(url.scheme) or named.get("all")
    if not address or proxy_bypass(url.netloc.rpartition("@")[2]):
        return None
    return urlsplit(address if "//" in address else f"//{address}")


def _authorization(proxy: SplitResult | None) -> dict[str, str]:
    if proxy is None or proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
