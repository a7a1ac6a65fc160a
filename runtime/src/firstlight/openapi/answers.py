"""The responses of an operation that are not problems."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from ..media_type import JSON
from ..operations.answer import Answer
from ..operations.operation import Operation
from ..versions.version import ByMediaType
from .schemas import Schema, Schemas

REDIRECTS = frozenset({301, 302, 303, 307, 308})


def of(operation: Operation, schemas: Schemas) -> Mapping[str, Schema]:
    """The responses by status code."""
    return {
        str(status): _response(operation, status, answer, schemas)
        for status, answer in sorted(operation.responses.items())
    }


def _response(operation: Operation, status: int, answer: Answer, schemas: Schemas) -> Schema:
    given = {
        each.name: {"description": each.description, "required": each.is_required, "schema": {"type": "string"}}
        for each in headers(operation, status)
    }
    kinds = media_types(operation, answer.media_type) if _has_content(answer) else ()
    content = {kind: _content(answer, schemas) for kind in kinds}
    return {
        "description": answer.description or _phrase(status),
        **({"headers": given} if given else {}),
        **({"content": content} if content else {}),
    }


class Header(NamedTuple):
    """A header of the responses with one status."""

    name: str
    description: str
    is_required: bool = True


def headers(operation: Operation, status: int) -> Iterator[Header]:
    """The headers that an answer declares, and those that the runtime adds."""
    declared = operation.responses[status].headers
    names = {name.lower() for name in declared}
    yield from (Header(name, description) for name, description in declared.items())
    yield from (header for header in _added(operation, status) if header.name.lower() not in names)


def _added(operation: Operation, status: int) -> Iterator[Header]:
    if status in REDIRECTS:
        yield Header("Location", "The address to follow.")
    yield Header("Cache-Control", "Who may store the response, and how long.")
    if operation.idempotent:
        yield Header(
            "Idempotent-Replayed", "`true` if this is the stored response to an earlier request.", is_required=False
        )
    if operation.version is not None and operation.is_deprecated:
        yield Header("Deprecation", "Since when this version is deprecated (RFC 9745).")
        if operation.version.sunset is not None:
            yield Header("Sunset", "Until when this version is served (RFC 8594).")


def _has_content(answer: Answer) -> bool:
    return answer.model is not None or answer.media_type != JSON


def _content(answer: Answer, schemas: Schemas) -> Schema:
    return {} if answer.model is None else media(schemas.reference(answer.model, "serialization"), answer.model)


def media(reference: Schema, model: Any) -> Schema:
    """The content of a body, with the first of the examples that its model declares."""
    extra = model.model_config.get("json_schema_extra")
    examples = extra.get("examples") if isinstance(extra, dict) else None
    example = {"example": examples[0]} if isinstance(examples, list) and examples else {}
    return {"schema": reference, **example}


def media_types(operation: Operation, media_type: str) -> Sequence[str]:
    """The media types of a body. Those of a version by media type name it; the default version has both names."""
    version = operation.version
    if version is None or not isinstance(version.by, ByMediaType) or media_type != JSON:
        return (media_type,)
    own = f"application/{version.by.name}.{version.name}+json"
    return (media_type, own) if version.default else (own,)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)
