"""The heads of requests: uvicorn's protocol, with checks that RFC 9112 requires and llhttp does not make."""

from typing import Any
from urllib.parse import unquote

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..security.hosts import is_host
from .request_target import HostError, origin_form

EXAMINED = frozenset({b"host", b"expect", b"content-length", b"transfer-encoding"})
SLASH, HASH = b"/#"


class CheckedHeads(HttpToolsProtocol):
    """Collects the fields of a head. Raises `HttpParserError` into the parser for a head that is not valid."""

    def __init__(self, **uvicorn: Any) -> None:
        """Hand `uvicorn` on to uvicorn's protocol."""
        super().__init__(**uvicorn)
        self._left = 0  # bytes of a body of declared length that are still to come
        self._hosts = 0  # Host fields of the head
        self._host = b"-"  # the last one that was valid
        self._begun = self._in_body = False  # in a head, in a body
        self._replaying = False  # a known head is parsed again by a new parser

    def check_host_and_target(self) -> None:
        """Raise `HostError` unless the head has exactly one valid Host field. HTTP/1.0 needs none.

        A target that is a URL must name the same host, and is replaced by its path. Raises `HttpParserError`.
        """
        if self._hosts != 1 and (self._hosts or self.parser.get_http_version() == "1.1"):
            msg = "one Host field, and only one"
            raise HostError(msg)
        if self.url[0] != SLASH or HASH in self.url:
            self.url = origin_form(self.url, self.parser.get_method(), self._host if self._hosts else b"")

    def read_scope(self) -> Scope:
        """The scope of a request whose head is complete and valid. Raises `UnicodeError` unless its path is ASCII."""
        target, _, query = self.url.partition(b"?")
        path = target.decode("ascii")
        scope: Scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": self.parser.get_http_version(),
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": self.parser.get_method().decode("ascii"),
            "root_path": self.root_path,
            "path": unquote(path) if "%" in path else path,
            "raw_path": target,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }
        uvicorns: Any = scope  # which has a type of its own for it
        self.scope = uvicorns
        return scope

    def on_message_begin(self) -> None:
        """A request begins."""
        if not self._replaying:
            self._begun = True
            self._left = self._hosts = 0
            self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_url(self, url: bytes) -> None:
        """Part of the target."""
        if not self._replaying:
            self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head. Trailers are dropped: a field after the body must not change the request."""
        if self._in_body:
            return
        name = name.lower()
        if name == b"host" and value == self._host:
            self._hosts += 1
        elif name in EXAMINED:
            self._examine(name, value)
        self.headers.append((name, value))

    def _examine(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            if is_host(value) or not value:
                self._host = value
            else:
                self._hosts += 1  # as bad as two; a head that is malformed as well is refused for that
            self._hosts += 1
        elif name == b"content-length":
            self._left = int(value)
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked" or self.parser.get_http_version() != "1.1":
                msg = "a coding that the application would not undo, or that HTTP/1.0 does not have"
                raise httptools.HttpParserError(msg)
        elif value.lower() == b"100-continue":
            self.expect_100_continue = True
