"""The type of settings that list origins of web pages, such as `https://app.example.com`, or `*` for all."""

from typing import Annotated

from pydantic import BeforeValidator, ValidationError
from pydantic_core import Url
from pydantic_settings import NoDecode

from .hosts import ALL

_DEFAULT_PORTS = {"http": 80, "https": 443}


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(_origin(part) for part in filter(None, map(str.strip, value.split(",")))))


def _origin(part: str) -> str:
    """The origin as browsers send it: in lower case, without a path and without the usual port of its scheme."""
    if part == ALL:
        return part
    origin = _normal(part)
    if origin is None:
        msg = f"must be a list of origins, such as https://app.example.com, or *, not {part[:64]!r}"
        raise ValueError(msg)
    return origin


def _normal(part: str) -> str | None:
    try:
        url = Url(part)
    except ValidationError:
        return None
    if url.scheme not in _DEFAULT_PORTS or url.host is None or "*" in url.host:
        return None
    port = "" if url.port == _DEFAULT_PORTS[url.scheme] else f":{url.port}"
    origin = f"{url.scheme}://{url.host}{port}"
    return origin if str(url) == f"{origin}/" else None


Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)]
