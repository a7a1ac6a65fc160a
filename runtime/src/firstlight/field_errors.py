"""Invalid values in a request: pydantic's errors as a problem with JSON pointers, without the values."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from .service_errors import LISTED_ERRORS, BadRequestError, InvalidError, ServiceError
from .text import visible

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
IN_A_FRAGMENT = "!$()*+,;=:@~?-._"  # RFC 3986, without what means something in HTML
POINTER_CHARACTERS, DETAIL_CHARACTERS = 200, 500
MALFORMED = "json_invalid"
_BROKEN_ESCAPE = re.compile("%.?$")
_RAISED = re.compile("^(?:Value error|Assertion failed), ")  # pydantic's words before the message of a validator


@contextmanager
def client_input(where: str = "") -> Iterator[None]:
    """Turn a pydantic `ValidationError` raised in the context into an `InvalidError` (422).

    Text that is not JSON becomes a `BadRequestError` (400). Outside of the context, a `ValidationError` is an error of
    the service: 500. `where`, such as `query`, becomes the member `in` of each error, for values outside of the body.
    """
    try:
        yield
    except ValidationError as error:
        raise invalid(error, where) from None


def invalid(error: ValidationError, where: str = "") -> ServiceError:
    """The problem of values from a client that a model refuses. See `client_input`."""
    return refusal(_first(error), error.error_count(), where)


def refusal(errors: Iterable[Mapping[str, Any]], count: int, where: str = "") -> ServiceError:
    """The problem of invalid input with `count` errors, of which `errors` are the first."""
    found = list(errors)
    if found and found[0]["type"] == MALFORMED:
        reason = visible(str(found[0]["msg"]).partition(": ")[2] or "it cannot be parsed")
        return BadRequestError(f"The body must be valid JSON: {_cut(reason, DETAIL_CHARACTERS)}.")
    described = [{**_described(each), **_place(each.get("in") or where)} for each in found]
    return InvalidError(errors=described, errors_total=count)


def _place(where: str) -> Mapping[str, str]:
    return {"in": where} if where else {}


def unknown_members(model: type[BaseModel] | None) -> Literal["forbid"] | None:
    """What pydantic does with members that a model does not have: it refuses them unless the model's config decides."""
    return None if model is None or "extra" in model.model_config else "forbid"


def _described(details: Mapping[str, Any]) -> Mapping[str, str]:
    """The JSON pointer of a value as a URI fragment (RFC 6901, 6), and what is wrong, without the value."""
    pointer = "#" + "".join(f"/{_escaped(part)}" for part in details["loc"])
    if len(pointer) > POINTER_CHARACTERS:
        pointer = _BROKEN_ESCAPE.sub("", pointer[: POINTER_CHARACTERS - 1]) + ELLIPSIS
    return {"pointer": pointer, "detail": _cut(visible(_RAISED.sub("", details["msg"])), DETAIL_CHARACTERS)}


def _escaped(part: int | str) -> str:
    text = str(part)[:POINTER_CHARACTERS].replace("~", "~0").replace("/", "~1")
    return quote(text, safe=IN_A_FRAGMENT, errors="replace")


def _first(error: ValidationError) -> Iterator[Mapping[str, Any]]:
    """The first errors, read from JSON: half a million as objects take 2 s and 220 MB, as JSON a tenth of that."""
    if error.error_count() <= LISTED_ERRORS:
        yield from error.errors(include_url=False, include_input=False)
        return
    text = error.json(include_url=False, include_input=False, include_context=False)
    decoder, position = json.JSONDecoder(), 1
    for _ in range(LISTED_ERRORS):
        details, position = decoder.raw_decode(text, position)
        yield details
        position += 1  # the comma


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + ELLIPSIS
