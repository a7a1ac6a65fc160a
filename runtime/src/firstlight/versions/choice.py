"""The choice among operations with the same method and path, by the version that the client names."""

import re
from collections.abc import Mapping
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..accept import MAX_BYTES, REMEMBERED, field
from ..problems import ProblemResponse
from .media_types import ANY, MediaTypes
from .metric import UNKNOWN, requests
from .version import ByHeader, ByMediaType, Version


def chosen(apps: Mapping[Version, ASGIApp], path: str) -> ASGIApp:
    """The application that passes a request to that of its version. All versions are asked for in the same way."""
    by = next(iter(apps)).by
    if isinstance(by, ByHeader):
        return _ByHeader(by, apps, path)
    if isinstance(by, ByMediaType):
        return _ByMediaType(by, apps, path)
    return next(iter(apps.values()))


def _named(apps: Mapping[Version, ASGIApp]) -> Mapping[str, Version]:
    """The versions by what a client may write: `v2` and `2`."""
    names = {version.name: version for version in apps}
    return {**{re.sub(r"^v(?=\d)", "", name): version for name, version in names.items()}, **names}


def _listed(apps: Mapping[Version, ASGIApp]) -> str:
    names = [version.name for version in apps]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


class _Choice:
    """What the two ways have in common."""

    def __init__(self, apps: Mapping[Version, ASGIApp], path: str, varies: str) -> None:
        self._names = _named(apps)
        self._apps = {version.name: app for version, app in apps.items()}
        self._default = next((app for version, app in apps.items() if version.default), None)
        self._listed, self._first = _listed(apps), next(iter(self._apps))
        self._unknown = requests(path, UNKNOWN)
        self._headers = {"Vary": varies}

    async def refuse(self, status: int, detail: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose version is not known."""
        self._unknown.inc()
        await ProblemResponse(status, f"{detail}: {self._listed}.", self._headers)(scope, receive, send)


class _ByHeader(_Choice):
    def __init__(self, by: ByHeader, apps: Mapping[Version, ASGIApp], path: str) -> None:
        super().__init__(apps, path, by.header)
        self._header, self._name = by.header, by.header.lower().encode()
        self._by_value = {name.encode(): self._apps[version.name] for name, version in self._names.items()}
        if self._default is not None:
            self._by_value[b""] = self._default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._by_value.get(field(scope, self._name).strip().lower())
        if app is None:
            detail = f"The field {self._header} must name a version of this operation"
            await self.refuse(400, detail, scope, receive, send)
        else:
            await app(scope, receive, send)


class _ByMediaType(_Choice):
    def __init__(self, by: ByMediaType, apps: Mapping[Version, ASGIApp], path: str) -> None:
        super().__init__(apps, path, "Accept")
        types = MediaTypes(by.name, self._names)
        self._accepted, self._sent = lru_cache(REMEMBERED)(types.accepted), lru_cache(REMEMBERED)(types.sent)
        self._example = f"Accept must name a version of this operation as in application/{by.name}.{self._first}+json"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted, content = field(scope, b"accept"), field(scope, b"content-type")
        accepted = self._accepted(wanted) if len(wanted) <= MAX_BYTES else ANY
        sent = self._sent(content) if len(content) <= MAX_BYTES else None
        if accepted is None:
            await self.refuse(406, self._example, scope, receive, send)
        elif sent is None or (accepted.version and sent and accepted.version != sent):
            await self.refuse(415, _SAME, scope, receive, send)
        elif (app := self._apps.get(accepted.version or sent, self._default)) is None:
            await self.refuse(406, self._example, scope, receive, send)
        else:
            await app(scope, receive, _typed(send, accepted.media_type) if accepted.media_type else send)


_SAME = "Content-Type must name a version of this operation, and the same one as Accept"


def _typed(send: Send, media_type: str) -> Send:
    """Name the media type that the client accepts, where the response is JSON."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(n, media_type.encode() if (n, v) == _PLAIN else v) for n, v in message.get("headers", ())]
            message = {**message, "headers": headers}
        await send(message)

    return sending


_PLAIN = (b"content-type", b"application/json")
