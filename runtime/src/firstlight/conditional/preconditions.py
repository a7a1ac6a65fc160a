"""The conditions that a request names (RFC 9110, 13): answered with 304 to a reader, with 412 to a writer."""

from collections.abc import Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from ..compression.accept_encoding import prefers_gzip
from ..problems import BadRequestError, PreconditionFailedError, PreconditionRequiredError
from .entity_tags import ANY, Tag, Tags, listed, parsed
from .http_date import http_date, moment_of

READS = frozenset({"GET", "HEAD"})
_CHANGED = (
    "The resource has changed since this version was read. Read it again, and repeat the change with its new ETag."
)
_EXISTS = "The resource exists already, and the request asks for a new one."
_UNREADABLE = 'must be * or a list of at most 100 entity tags in quotes, such as "3".'
REQUIRED = "The request must say in If-Match which version it changes: the ETag with which the resource was read."


def not_modified(
    request: Request, tag: str | None, modified: datetime | None = None, headers: Mapping[str, str] | None = None
) -> Response | None:
    """A response with 304 if the client has this version, else None. Ask before the document is made.

    `tag` is the entity tag of the current version, `modified` the time of its last change for clients that know only
    that. `headers` are those that the response with 200 would have, such as `Content-Location`. A field that cannot be
    read is ignored.
    """
    if request.method not in READS:
        return None
    given = _field(request, b"if-none-match")
    if given is None:
        since = None if modified is None else _field(request, b"if-modified-since")
        moment = None if since is None else moment_of(since)
        if moment is None or modified is None or modified.replace(microsecond=0) > moment:
            return None
        return Response(status_code=304, headers={**last_modified(modified), **(headers or {}), **_tagged(tag)})
    if tag is None:
        return None
    matched = tag if given in {ANY, tag} else _match(given, tag, request)
    if matched is None:
        return None
    varying = {} if matched == tag else {"Vary": "Accept-Encoding"}
    return Response(status_code=304, headers={**varying, **(headers or {}), "ETag": matched})


def check(request: Request, tag: str | None) -> None:
    """Raise `PreconditionFailedError` (412) unless the request may change the resource in its current version.

    `tag` is the strong entity tag of the current version; None if the resource does not exist. Nothing may come between
    this check and the change: a store that waits compares the version once more in the change. Raises
    `BadRequestError` for a field that cannot be read, because the client wants a check.
    """
    current = None if tag is None else parsed(tag)
    wanted = _field(request, b"if-match")
    if wanted is not None and not _holds(wanted, current, "If-Match"):
        raise PreconditionFailedError(_CHANGED)
    unwanted = _field(request, b"if-none-match")
    if unwanted is not None and _holds(unwanted, current, "If-None-Match", weak=True):
        raise PreconditionFailedError(_EXISTS if unwanted == ANY else _CHANGED)


def require(request: Request) -> None:
    """Raise `PreconditionRequiredError` (428) for a request that changes a resource in whatever version it is."""
    if _field(request, b"if-match") is None and _field(request, b"if-none-match") != ANY:
        raise PreconditionRequiredError(REQUIRED)


def last_modified(moment: datetime) -> dict[str, str]:
    """The header `Last-Modified`. The time must have a time zone."""
    return {"Last-Modified": http_date(moment)}


def _tagged(tag: str | None) -> dict[str, str]:
    return {} if tag is None else {"ETag": tag}


def _match(given: str, tag: str, request: Request) -> str | None:
    """The client's tag of the current version. That of a compressed response counts only where gzip is accepted."""
    current, tags = parsed(tag), listed(given)
    if current is None or tags is None:
        return None
    accepts = prefers_gzip((_field(request, b"accept-encoding") or "").encode("latin-1"))
    same = [each for each in tags if each.version == current.version and (accepts or not each.is_compressed)]
    same.sort(key=lambda each: each.is_compressed, reverse=accepts)
    return _weakest(same[0], tag) if same else None


def _weakest(tag: Tag, current: str) -> str:
    """The tag for the response: the current one, or its variant for gzip."""
    return tag.text if tag.is_compressed else current


def _holds(field: str, current: Tag | None, name: str, *, weak: bool = False) -> bool:
    """Whether one of the tags in a field is that of the current version. Weak tags count only in a weak comparison."""
    if field == ANY:
        return current is not None
    tags: Tags | None = listed(field)
    if tags is None:
        detail = f"{name} {_UNREADABLE}"
        raise BadRequestError(detail)
    if current is None or (current.is_weak and not weak):
        return False
    return any(each.version == current.version and (weak or not each.is_weak) for each in tags)


def _field(request: Request, name: bytes) -> str | None:
    """The value of a field, joined if it occurs several times. None without it."""
    found: bytes | None = None
    for each, value in request.scope["headers"]:
        if each == name:
            found = value if found is None else b"%b, %b" % (found, value)
    return None if found is None else found.strip(b" \t").decode("latin-1")
