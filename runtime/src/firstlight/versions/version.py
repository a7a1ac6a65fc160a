"""One version of an API: how clients ask for it, and how long it will be served."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from starlette.requests import HTTPConnection

VERSION = "firstlight.api_version"  # in the scope


@dataclass(frozen=True, slots=True)
class ByPath:
    """The version is a segment of the path, such as `/api/v2/links`."""


@dataclass(frozen=True, slots=True)
class ByHeader:
    """The version is the value of a header field: `API-Version: v2`. The leading `v` may be missing."""

    header: str = "API-Version"


@dataclass(frozen=True, slots=True)
class ByMediaType:
    """The version is a part of the media type in `Accept`, and in `Content-Type` of a request with a body.

    With the name `vnd.example` these ask for the version `v2`: `application/vnd.example.v2+json`,
    `application/vnd.example+json; version=2` and `application/json; version=2`.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an API. Each operation of it has it as `version`.

    Operations with the same method and path differ in their version: the client's header field chooses.
    """

    name: str
    """Lower-case letters, digits, `.` and `-`, such as `v2` or `2026-11-27`. The label of the version's requests."""
    by: ByPath | ByHeader | ByMediaType = field(default_factory=ByPath)
    default: bool = False
    """Whether it serves requests that name no version. Without a default version, such a request is refused."""
    deprecated: date | datetime | None = None
    """From when on clients should no longer use it (RFC 9745). A date means its first moment in UTC."""
    sunset: date | datetime | None = None
    """When it will no longer be served (RFC 8594)."""
    guide: str = ""
    """The URL of a page about the deprecation and the way to the next version."""
    successor: str = ""
    """The name of the next version, by path: responses link to the same resource in it."""


def version_of(request: HTTPConnection) -> Version | None:
    """The version of the operation that serves a request: handlers of several versions answer by it."""
    version: Version | None = request.scope.get(VERSION)
    return version


def moment(day: date | datetime) -> datetime:
    """The moment in UTC. A date means its first moment."""
    if isinstance(day, datetime):
        return day.astimezone(UTC)
    return datetime.combine(day, time.min, UTC)
