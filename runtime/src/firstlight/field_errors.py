"""Invalid values in a request: pydantic's errors as a problem with JSON pointers, without the values."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from .service_errors import LISTED_ERRORS, InvalidError

POINTER_CHARACTERS, DETAIL_CHARACTERS = 200, 500


@contextmanager
def client_input() -> Iterator[None]:
    """Turn a pydantic `ValidationError` raised in the context into an `InvalidError` (422).

    Outside of it, a `ValidationError` is an error of the service: 500.
    """
    try:
        yield
    except ValidationError as error:
        raise InvalidError(errors=_pointers(error), errors_total=error.error_count()) from None


def _escape(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _pointers(error: ValidationError) -> Sequence[Mapping[str, str]]:
    """The first errors with their JSON pointers (RFC 6901), without the values."""
    found = []
    for details in _first(error):
        pointer = "#" + "".join(f"/{_escape(part)}" for part in details["loc"])
        found.append({"pointer": _cut(pointer, POINTER_CHARACTERS), "detail": _cut(details["msg"], DETAIL_CHARACTERS)})
    return found


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
    return text if len(text) <= characters else f"{text[: characters - 1]}\N{HORIZONTAL ELLIPSIS}"
