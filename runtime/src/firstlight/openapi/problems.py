"""The problem documents in the OpenAPI document: one schema, and one response for each status code."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from ..component import Layer
from ..operations.operation import Operation
from ..problem_types import PROBLEM_TYPES, ProblemType, type_and_title
from ..problems import ProblemResponse
from ..service import Service
from ..service_errors import LISTED_ERRORS
from ..versions.version import ByMediaType
from .schemas import PREFIX, Schema

NAME = "Problem"
_SCHEMA = Path(__file__).with_name("problem.json")
RESPONSES = "#/components/responses/"
INVALID = 422
_EVERY = frozenset({400, 500, 503})  # a malformed request, an error in the handler, a request that waited too long
_OF_DEADLINE = frozenset({504})
_OF_POLICY = frozenset({401, 403})
_OF_ACCEPT = frozenset({406})
_OF_MEDIA_TYPE = frozenset({406, 415})
_OF_LIMITS = frozenset({429})
_LIMITING = frozenset({Layer.LIMIT_BY_ADDRESS, Layer.LIMIT_BY_CALLER})
_OF_CONDITION = frozenset({412, 428})
_OF_BODY = frozenset({413, 415, INVALID})
_OF_KEY = frozenset({409, INVALID, 429, 507})
_HEADERS: Mapping[int, Mapping[str, str]] = MappingProxyType(
    {
        401: {"WWW-Authenticate": "The authentication schemes that the service accepts."},
        415: {"Accept": "The media types that the service accepts."},
        429: {"Retry-After": "The number of seconds to wait before the next request."},
        503: {"Retry-After": "The number of seconds to wait before the next request."},
    }
)


def statuses(operation: Operation, service: Service) -> list[int]:
    """The status codes of the problems with which the handler or the runtime may answer."""
    has_body = operation.body is not None or operation.form is not None
    layers = {layer for component in service.components for layer in component.middleware}
    reasons = (
        (True, operation.problems),
        (True, _EVERY),
        (operation.deadline_seconds != 0, _OF_DEADLINE),
        (has_body, _OF_BODY),
        (has_body or operation.query is not None, (INVALID,)),
        (operation.sends_json, _OF_ACCEPT),
        (operation.policy is not None, _OF_POLICY),
        (operation.precondition_required, _OF_CONDITION),
        (operation.idempotent, _OF_KEY),
        (isinstance(operation.version and operation.version.by, ByMediaType), _OF_MEDIA_TYPE),
        (not layers.isdisjoint(_LIMITING), _OF_LIMITS),
    )
    found = {status for applies, given in reasons if applies for status in given}
    return sorted(found - operation.answers.keys())


def references(found: Iterable[int]) -> Mapping[str, Schema]:
    """The responses of an operation that are problems, by status code."""
    return {str(status): {"$ref": f"{RESPONSES}{_name(status)}"} for status in found}


def responses(found: Iterable[int]) -> Mapping[str, Schema]:
    """The component of each response, by name."""
    return {_name(status): _response(status) for status in sorted(set(found))}


def _name(status: int) -> str:
    """`NotFound` for 404; `Problem418` for a status without a type of its own."""
    kind = PROBLEM_TYPES.get(status)
    return f"{NAME}{status}" if kind is None else "".join(word.capitalize() for word in kind.name.split("-"))


def _response(status: int) -> Schema:
    kind = PROBLEM_TYPES.get(status)
    content = {"schema": {"$ref": f"{PREFIX}{NAME}"}, "example": _example(status, kind)}
    headers = {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in _HEADERS.get(status, {}).items()
    }
    return {
        "description": type_and_title(status)[1] if kind is None else kind.meaning,
        **({"headers": headers} if headers else {}),
        "content": {ProblemResponse.media_type: content},
    }


def _example(status: int, kind: ProblemType | None) -> Schema:
    uri, title = type_and_title(status)
    invalid = {"errors": [{"pointer": "#/name", "detail": "Field required"}]} if status == INVALID else {}
    return {
        "type": uri,
        "title": title,
        "status": status,
        "detail": title if kind is None else kind.meaning,
        "request_id": "0b8f6f0c5d3e4d5f9a7c1e2b3d4f5a6b",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        **invalid,
    }


def schema() -> Schema:
    """The schema of every problem document."""
    made: Schema = json.loads(_SCHEMA.read_text("utf-8"))
    made["properties"]["errors"]["maxItems"] = LISTED_ERRORS
    return made
