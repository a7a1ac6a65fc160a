"""Checks the media type of a request before its body is read: JSON in UTF-8, or a form."""

import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

UNSUPPORTED = 415
JSON = "application/json"
_USUAL = [JSON.encode()]
_IS_JSON = re.compile(r"application/(?:[a-z0-9!#$&^_.+-]+\+)?json[ \t]*(?:;.*)?", re.IGNORECASE)
_CHARSET = re.compile(r';[ \t]*charset[ \t]*=[ \t]*"?([^";, \t]*)', re.IGNORECASE)
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})
_FORM = re.compile(r"(?:multipart/form-data|application/x-www-form-urlencoded)[ \t]*(?:;.*)?", re.IGNORECASE)
_ADVERTISED = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}  # W3C LDP, RFC 5789


def require_json(request: Request) -> None:
    """Raise `HTTPException` with 415 for a body of another media type, charset or content coding.

    A body without a media type is parsed as JSON, as RFC 9110 (8.3) allows: JSON is the only type accepted here.
    """
    fields = request.scope["headers"]
    given = [value for name, value in fields if name == b"content-type"]
    if given and given != _USUAL and not _is_json(b", ".join(given).decode("latin-1")):
        detail = f"The body must be {JSON} or application/*+json, in UTF-8, and its Content-Type must say so."
        accepted = {name: JSON for name in ("Accept", _ADVERTISED.get(request.method)) if name}
        raise HTTPException(UNSUPPORTED, detail, accepted)
    _require_plain(request)


def require_form(request: Request) -> None:
    """Raise `HTTPException` with 415 for a body whose media type is not a form, or that has a content coding."""
    given = ", ".join(request.headers.getlist("content-type"))
    if not _FORM.fullmatch(given):
        accepted = "multipart/form-data, application/x-www-form-urlencoded"
        detail = "The body must be a form, multipart/form-data or URL-encoded, and its Content-Type must say so."
        raise HTTPException(UNSUPPORTED, detail, {"Accept": accepted})
    _require_plain(request)


def _require_plain(request: Request) -> None:
    if b"content-encoding" in dict(request.scope["headers"]) and _is_encoded(request.headers):
        raise HTTPException(UNSUPPORTED, "The body must not be encoded.", {"Accept-Encoding": "identity"})


def _is_json(given: str) -> bool:
    """Whether the `Content-Type` names JSON in UTF-8. False for two joined `Content-Type` fields."""
    charsets = {charset.lower() for charset in _CHARSET.findall(given)}
    return _IS_JSON.fullmatch(given) is not None and charsets <= _UTF_8


def _is_encoded(headers: Headers) -> bool:
    codings = ",".join(headers.getlist("content-encoding")).split(",")
    return any(coding.strip().lower() not in {"", "identity"} for coding in codings)
