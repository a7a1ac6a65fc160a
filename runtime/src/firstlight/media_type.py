"""Checks the media type of a request before its body is read: JSON in UTF-8, or a form."""

import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

UNSUPPORTED = 415
JSON = "application/json"
_USUAL = [JSON.encode()]
_WORD = r"[\w!#$%&'*+.^`|~-]+"
_PARAMETERS = rf'[ \t]*(?:;[ \t]*(?:{_WORD}=(?:{_WORD}|"(?:[^"\\]|\\.)*")[ \t]*)?)*'  # RFC 9110, section 5.6.6
_IS_JSON = re.compile(rf"application/(?:[a-z0-9!#$&^_.+-]+\+)?json{_PARAMETERS}", re.IGNORECASE | re.ASCII)
_CHARSET = re.compile(r';[ \t]*charset[ \t]*=[ \t]*"?([^";, \t]*)', re.IGNORECASE)
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})
_FORM = re.compile(rf"(?:multipart/form-data|application/x-www-form-urlencoded){_PARAMETERS}", re.IGNORECASE | re.ASCII)
_ADVERTISED = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}  # W3C LDP, RFC 5789


def require_json(request: Request) -> None:
    """Raise `HTTPException` with 415 for a body of another media type, charset or content coding.

    RFC 9110 (8.3) allows to guess the type of a body that names none. But a page of another site can send such a body
    without asking first, which it cannot for JSON; so the type must be there, once.
    """
    fields = request.scope["headers"]
    given = [value for name, value in fields if name == b"content-type"]
    if given != _USUAL and not (len(given) == 1 and _is_json(given[0].decode("latin-1"))):
        detail = f"The body must be {JSON} or application/*+json, in UTF-8, and its Content-Type must say so."
        accepted = {name: JSON for name in ("Accept", _ADVERTISED.get(request.method)) if name}
        raise HTTPException(UNSUPPORTED, detail, accepted)
    _require_plain(request)


def require_form(request: Request) -> None:
    """Raise `HTTPException` with 415 for a body whose media type is not a form, or that has a content coding."""
    given = request.headers.getlist("content-type")
    if len(given) != 1 or not _FORM.fullmatch(given[0]):
        accepted = "multipart/form-data, application/x-www-form-urlencoded"
        detail = "The body must be a form, multipart/form-data or URL-encoded, and its Content-Type must say so."
        raise HTTPException(UNSUPPORTED, detail, {"Accept": accepted})
    _require_plain(request)


def _require_plain(request: Request) -> None:
    if b"content-encoding" in dict(request.scope["headers"]) and _is_encoded(request.headers):
        raise HTTPException(UNSUPPORTED, "The body must not be encoded.", {"Accept-Encoding": "identity"})


def _is_json(given: str) -> bool:
    """Whether the `Content-Type` names JSON in UTF-8."""
    charsets = {charset.lower() for charset in _CHARSET.findall(given)}
    return _IS_JSON.fullmatch(given) is not None and charsets <= _UTF_8


def _is_encoded(headers: Headers) -> bool:
    codings = ",".join(headers.getlist("content-encoding")).split(",")
    return any(coding.strip().lower() not in {"", "identity"} for coding in codings)
