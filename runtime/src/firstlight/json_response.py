"""Responses with a JSON document. One encoder writes all of them."""

from collections.abc import Mapping
from functools import lru_cache

import orjson
from pydantic import BaseModel
from starlette.responses import Response

_OPTIONS = orjson.OPT_UTC_Z  # as pydantic writes times
_USUAL = frozenset({b"content-length", b"content-type"})
_CONTENT_TYPE = (b"content-type", b"application/json")


def encoded(content: object) -> bytes:
    """The content as a JSON document in UTF-8.

    It may consist of dicts with texts as keys, lists, tuples, texts, numbers, datetimes, dates, UUIDs, enums,
    dataclasses and pydantic models. A model is written by its aliases, as in the OpenAPI document. Raises `TypeError`
    for anything else.
    """
    if isinstance(content, BaseModel):
        return _model(content)
    return orjson.dumps(content, _other, _OPTIONS)


class JsonResponse(Response):
    """A response whose body is a JSON document, see `encoded`. The content is read once, and not copied."""

    media_type = "application/json"

    def __init__(self, content: object, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Encode the content. `headers` are added to `Content-Type` and `Content-Length`, or replace them."""
        self.status_code = status_code
        self.background = None
        self.body = encoded(content)
        self.raw_headers = [(b"content-length", b"%d" % len(self.body)), _CONTENT_TYPE]
        if headers:
            for name, value in headers.items():
                field = _name(name), value.encode("latin-1")
                if field[0] in _USUAL:
                    self.init_headers(headers)
                    break
                self.raw_headers.append(field)


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _other(value: object) -> orjson.Fragment:
    if isinstance(value, BaseModel):
        return orjson.Fragment(_model(value))
    msg = f"a {type(value).__name__} has no form in JSON; convert it to a text or a number"
    raise TypeError(msg)


def _model(model: BaseModel) -> bytes:
    serialized: bytes = model.__pydantic_serializer__.to_json(model, by_alias=True)
    return serialized
