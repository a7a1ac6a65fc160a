"""The parameters of an operation: path, query and header."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from starlette.convertors import (
    Convertor,
    FloatConvertor,
    IntegerConvertor,
    PathConvertor,
    StringConvertor,
    UUIDConvertor,
)
from starlette.routing import compile_path

from ..operations.operation import Operation
from ..versions.version import ByHeader
from .schemas import Schema, Schemas

_TEXT: Mapping[str, Any] = MappingProxyType({"type": "string"})
_CONVERTERS: Mapping[type[Convertor[Any]], Mapping[str, Any]] = MappingProxyType(
    {
        StringConvertor: {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
        IntegerConvertor: {"type": "integer", "minimum": 0},
        FloatConvertor: {"type": "number", "minimum": 0},
        UUIDConvertor: {"type": "string", "format": "uuid"},
        PathConvertor: {"type": "string"},
    }
)
PRECONDITION_FAILED, NOT_MODIFIED = 412, 304
_TAGS = r'^(\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*")*)$'
_TAG: Mapping[str, Any] = MappingProxyType({"type": "string", "pattern": _TAGS, "examples": ['"1"']})
_IF_MATCH = "The `ETag` of the version that the request changes. It is refused if there is another version."
_IF_NONE_MATCH = "The `ETag` of the version that the client has. 304 says that it is current."
# As in `idempotency/key.py`, whose metrics belong to services that have the component.
KEY = "Idempotency-Key"
_KEY_CHARACTERS = r"[!#-+\--:<-\[\]-~]{1,255}"
_KEY_SCHEMA: Mapping[str, Any] = MappingProxyType(
    {
        "type": "string",
        "pattern": f'^("{_KEY_CHARACTERS}"|{_KEY_CHARACTERS})$',
        "examples": ["9f1c3b7e-5a0d-4c52-8d8e-2f6f5f0e7a11"],
    }
)
_KEY = "A new value for each new request. A repeated request with the same value gets the first response again."


def template(path: str) -> str:
    """The path as in the document: `/parcels/{id:int}` is `/parcels/{id}`."""
    return compile_path(path)[1]


def of(operation: Operation, schemas: Schemas) -> list[Schema]:
    """The parameters of an operation, those of the path first."""
    return [*_path(operation), *_query(operation, schemas), *_headers(operation)]


def _path(operation: Operation) -> Iterator[Schema]:
    for name, converter in compile_path(operation.path)[2].items():
        schema = _CONVERTERS.get(type(converter), _TEXT)
        yield {"name": name, "in": "path", "required": True, "schema": dict(schema)}


def _query(operation: Operation, schemas: Schemas) -> Iterator[Schema]:
    if operation.query is None:
        return
    model = schemas.fields(operation.query)
    for name, field in model.get("properties", {}).items():
        schema = {key: value for key, value in field.items() if key != "description"}
        described = {"description": field["description"]} if "description" in field else {}
        required = {"required": True} if name in model.get("required", ()) else {}
        yield {"name": name, "in": "query", **described, **required, "schema": schema}


def _headers(operation: Operation) -> Iterator[Schema]:
    """The header fields that the runtime reads for an operation."""
    if operation.idempotent:
        yield _header(KEY, _KEY, _KEY_SCHEMA, required=operation.idempotency_required)
    if operation.precondition_required or PRECONDITION_FAILED in operation.problems:
        yield _header("If-Match", _IF_MATCH, _TAG, required=operation.precondition_required)
    if NOT_MODIFIED in operation.answers:
        yield _header("If-None-Match", _IF_NONE_MATCH, _TEXT)
    version = operation.version
    if version is not None and isinstance(version.by, ByHeader):
        schema = {"type": "string", "enum": [version.name]}
        yield _header(version.by.header, "The version of the API.", schema, required=not version.default)


def _header(name: str, description: str, schema: Mapping[str, Any], *, required: bool = False) -> Schema:
    needed = {"required": True} if required else {}
    return {"name": name, "in": "header", "description": description, **needed, "schema": dict(schema)}
