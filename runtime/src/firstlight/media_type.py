"""The media type of request bodies: what is not JSON in UTF-8 is refused before it is read."""

import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

UNSUPPORTED = 415
JSON = "application/json"
_IS_JSON = re.compile(r"application/(?:[a-z0-9!#$&^_.+-]+\+)?json[ \t]*(?:;.*)?", re.IGNORECASE)
_CHARSET = re.compile(r';[ \t]*charset[ \t]*=[ \t]*"?([^";, \t]*)', re.IGNORECASE)
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})
_ADVERTISED = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}  # W3C LDP, RFC 5789


def require_json(request: Request) -> None:
    """Raise `HTTPException` with 415 for a body of another media type, charset or content coding.

    A body without a media type is refused as well. RFC 9110 lets a recipient guess it; but a page of another origin can
    have a browser send such a body without asking the service first (CORS), and a client that forgets the header finds
    out now and not behind the next proxy. A request without a body is not refused here: its body is missing, a 422.
    """
    headers = request.headers
    if not _is_json(headers):
        detail = f"The body must be {JSON} or application/*+json, in UTF-8, and its Content-Type must say so."
        accepted = {name: JSON for name in ("Accept", _ADVERTISED.get(request.method)) if name}
        raise HTTPException(UNSUPPORTED, detail, accepted)
    if any(coding.strip().lower() not in {"", "identity"} for coding in _values(headers, "content-encoding")):
        raise HTTPException(UNSUPPORTED, "The body must not be encoded.", {"Accept-Encoding": "identity"})


def _is_json(headers: Headers) -> bool:
    given = ", ".join(headers.getlist("content-type"))  # two of them are none
    if given == JSON:
        return True
    if not given:
        return "transfer-encoding" not in headers and headers.get("content-length", "0") == "0"
    charsets = {charset.lower() for charset in _CHARSET.findall(given)}
    return _IS_JSON.fullmatch(given) is not None and charsets <= _UTF_8


def _values(headers: Headers, name: str) -> list[str]:
    return ",".join(headers.getlist(name)).split(",") if name in headers else []
