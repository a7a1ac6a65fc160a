"""Checks the media type of a request before its body is read: JSON in UTF-8, or a form."""

import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

UNSUPPORTED = 415
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
_USUAL = [JSON.encode()]
_WORD = r"[\w!#$%&'*+.^`|~-]+"
_PARAMETERS = rf'[ \t]*(?:;[ \t]*(?:{_WORD}=(?:{_WORD}|"(?:[^"\\]|\\.)*")[ \t]*)?)*'  # RFC 9110, section 5.6.6
_IS_JSON = re.compile(rf"application/(?:[a-z0-9!#$&^_.+-]+\+)?json{_PARAMETERS}", re.IGNORECASE | re.ASCII)
# In a PATCH, other types have other meanings: `application/json-patch+json` is a list of steps (RFC 6902).
_IS_PATCH = re.compile(rf"application/(?:merge-patch\+)?json{_PARAMETERS}", re.IGNORECASE | re.ASCII)
_CHARSET = re.compile(r';[ \t]*charset[ \t]*=[ \t]*"?([^";, \t]*)', re.IGNORECASE)
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})
_FORM = re.compile(rf"(?:multipart/form-data|application/x-www-form-urlencoded){_PARAMETERS}", re.IGNORECASE | re.ASCII)
_ADVERTISED = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}  # W3C LDP, RFC 5789
_ANY_JSON = f"{JSON} or application/*+json"
_ANY_PATCH = f"{JSON} or {MERGE_PATCH}"


def require_json(request: Request) -> None:
    """Raise `HTTPException` with 415 for a body of another media type, charset or content coding.

    RFC 9110 (8.3) allows to guess the type of a body that names none. But a page of another site can send such a body
    without asking first, which it cannot for JSON; so the type must be there, once.
    """
    fields = request.scope["headers"]
    given = [value for name, value in fields if name == b"content-type"]
    if given != _USUAL:
        _require_a_type_of_json(given[0].decode("latin-1") if len(given) == 1 else "", request.method)
    _require_plain(request)


def _require_a_type_of_json(given: str, method: str) -> None:
    is_patch = method == "PATCH"
    if not _is_json(given, _IS_PATCH if is_patch else _IS_JSON):
        named = _ANY_PATCH if is_patch else _ANY_JSON
        detail = f"The body must be {named}, in UTF-8, and its Content-Type must say so."
        accepted = f"{MERGE_PATCH}, {JSON}" if is_patch else JSON
        raise HTTPException(
            UNSUPPORTED, detail, {name: accepted for name in ("Accept", _ADVERTISED.get(method)) if name}
        )


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


def _is_json(given: str, pattern: re.Pattern[str]) -> bool:
    """Whether the `Content-Type` names JSON in UTF-8."""
    charsets = {charset.lower() for charset in _CHARSET.findall(given)}
    return pattern.fullmatch(given) is not None and charsets <= _UTF_8


def _is_encoded(headers: Headers) -> bool:
    codings = ",".join(headers.getlist("content-encoding")).split(",")
    return any(coding.strip().lower() not in {"", "identity"} for coding in codings)
