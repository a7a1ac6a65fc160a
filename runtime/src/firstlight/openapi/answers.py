"""The responses of an operation that are not problems."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from ..operations.answer import Answer
from ..operations.operation import Operation
from .schemas import Schema, Schemas

_LOCATION = "The address to follow."
_CACHE = "How long the response may be stored."
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def of(operation: Operation, schemas: Schemas) -> Mapping[str, Schema]:
    """The responses by status code."""
    return {
        str(status): _response(operation, status, answer, schemas)
        for status, answer in sorted(operation.responses.items())
    }


def _response(operation: Operation, status: int, answer: Answer, schemas: Schemas) -> Schema:
    headers = {name: _header(description) for name, description in _headers(status, answer)}
    content = {answer.media_type: _content(answer, schemas)} if _has_content(answer) else {}
    return {
        "description": answer.description or _phrase(status),
        **({"headers": headers} if headers else {}),
        **({"content": content} if content else {}),
    }


def headers(operation: Operation, status: int) -> Iterator[str]:
    """The names of the headers that each response with this status has."""
    for name, _ in _headers(status, operation.responses[status]):
        yield name


def _headers(status: int, answer: Answer) -> Iterator[tuple[str, str]]:
    given = {name.lower() for name in answer.headers}
    if status in REDIRECTS and "location" not in given:
        yield "Location", _LOCATION
    if "cache-control" not in given:
        yield "Cache-Control", _CACHE
    yield from answer.headers.items()


def _header(description: str) -> Schema:
    return {"description": description, "required": True, "schema": {"type": "string"}}


def _has_content(answer: Answer) -> bool:
    return answer.model is not None or answer.media_type != Answer().media_type


def _content(answer: Answer, schemas: Schemas) -> Schema:
    return {} if answer.model is None else media(schemas.reference(answer.model, "serialization"), answer.model)


def media(reference: Schema, model: Any) -> Schema:
    """The content of a body, with the first of the examples that its model declares."""
    extra = model.model_config.get("json_schema_extra")
    examples = extra.get("examples") if isinstance(extra, dict) else None
    example = {"example": examples[0]} if isinstance(examples, list) and examples else {}
    return {"schema": reference, **example}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)
