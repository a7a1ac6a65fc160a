"""Compares responses with what their operations declare, so that the OpenAPI document is true."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from starlette.routing import BaseRoute, Match, compile_path

from ..media_type import JSON
from ..openapi import answers, problems
from ..operations.operation import Operation
from ..problems import ProblemResponse
from ..requests.timings import HEAD
from ..versions.version import ByMediaType

if TYPE_CHECKING:
    import httpx2

    from ..operations.answer import Answer
    from ..service import Service

ERRORS = 400
ANYWHERE = frozenset({413})  # a body that is too large, also where none is read
_SHOWN = 3  # errors of a document
_MEMBERS = ("type", "title", "status", "detail")


class DeclaredAnswers:
    """The answers and problems of the operations of a service."""

    def __init__(self, service: "Service") -> None:
        """Read the routes of `service` and of its components, in the order in which they are searched."""
        self._service = service
        declared = (service.routes, *(component.routes for component in service.components))
        self._rows: Sequence[BaseRoute | Operation] = [row for rows in declared for row in rows]

    def check(self, response: "httpx2.Response") -> None:
        """Raise `AssertionError` with one sentence if the operation of a response does not declare it."""
        found = list(self._operations(response.request.method, response.request.url.path))
        if not found:  # a plain route, or none
            return
        response.read()
        faults = [next(self._faults(operation, response), "") for operation in found]
        if all(faults):  # one of several versions is enough
            msg = f"{found[0].method} {found[0].path} answered {response.status_code} {faults[0]}"
            raise AssertionError(msg)

    def _operations(self, method: str, path: str) -> Iterator[Operation]:
        """The operation that is called; all versions of it if its path does not name the version."""
        scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        found: tuple[str, str] | None = None
        for row in self._rows:
            if isinstance(row, BaseRoute):
                if found is None and row.matches(scope)[0] is Match.FULL:
                    return
            elif (row.method, row.path) == found or (found is None and _is_called(row, method, path)):
                found = row.method, row.path
                yield row

    def _faults(self, operation: Operation, response: "httpx2.Response") -> Iterator[str]:
        status, has_body = response.status_code, response.request.method != HEAD
        answer = operation.responses.get(status)
        if answer is not None:
            yield from _missing_headers(operation, response)
            if has_body:
                yield from _unlike(answer, _media_type(operation, response), response)
        elif status not in {*problems.statuses(operation, self._service), *ANYWHERE}:
            member = "problems" if status >= ERRORS else "answers"
            yield f"without a declaration: add {status} to `{member}` of the operation, or change the handler"
        elif has_body and not _is_problem(response):
            given = _given(response)
            yield f"with {given}; an error must be a problem document: raise one of firstlight.problems"


def _is_called(operation: Operation, method: str, path: str) -> bool:
    methods = ("HEAD", "GET") if method == HEAD else (method,)
    return operation.method in methods and compile_path(operation.path)[0].match(path) is not None


def _missing_headers(operation: Operation, response: "httpx2.Response") -> Iterator[str]:
    for header in answers.headers(operation, response.status_code):
        if header.is_required and header.name not in response.headers:
            yield f"without the header {header.name}, which the operation declares"


def _unlike(answer: "Answer", given: str, response: "httpx2.Response") -> Iterator[str]:
    """How a response differs from an answer. `given` is its media type."""
    if answer.model is None:
        if answer.media_type == JSON and given == JSON:
            yield f"with a JSON document: name its model in `answers`, as in {{{response.status_code}: LinkOut}}"
        elif given != answer.media_type != JSON:
            yield f"with {given}: the operation declares {answer.media_type}"
    elif given != answer.media_type:
        yield f"with {given}: the operation declares {answer.media_type}, {answer.model.__name__}"
    elif errors := list(_errors(answer.model, response.content)):
        yield f"with a document that is no {answer.model.__name__}: {'; '.join(errors[:_SHOWN])}"


def _given(response: "httpx2.Response") -> str:
    return str(response.headers.get("content-type", "no Content-Type")).partition(";")[0].strip()


def _media_type(operation: Operation, response: "httpx2.Response") -> str:
    """The media type of a response; JSON for one that names the version of the API."""
    given, by = _given(response), operation.version and operation.version.by
    return JSON if isinstance(by, ByMediaType) and given.startswith(f"application/{by.name}") else given


def _is_problem(response: "httpx2.Response") -> bool:
    if _given(response) != ProblemResponse.media_type:
        return False
    document = response.json()
    return (
        isinstance(document, dict)
        and document.get("status") == response.status_code
        and all(member in document for member in _MEMBERS)
    )


def _errors(model: type[BaseModel], content: bytes) -> Iterator[str]:
    """How a JSON document differs from what the model writes: by JSON pointer."""
    open_objects, computed = _of_schema(model)
    try:
        model.model_validate_json(content, strict=True, extra=None if open_objects else "forbid")
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False, include_context=False):
            if details["type"] != "extra_forbidden":
                yield f"{_pointer(details['loc'])} {details['msg'][:1].lower()}{details['msg'][1:]}"
            elif details["loc"][-1] not in computed:
                yield f"{_pointer(details['loc'])} is no member of the model"


def _pointer(location: Sequence[int | str]) -> str:
    return "#" + "".join(f"/{part}" for part in location)


@cache
def _of_schema(model: type[BaseModel]) -> tuple[bool, frozenset[str]]:
    """Whether objects of the model may have other members, and the names of its computed fields."""
    schema = model.model_json_schema(mode="serialization")
    objects = [schema, *schema.get("$defs", {}).values()]
    computed = {
        name
        for each in objects
        for name, field in each.get("properties", {}).items()
        if isinstance(field, dict) and field.get("readOnly")
    }
    return any(map(_is_open, objects)), frozenset(computed)


def _is_open(schema: Mapping[str, Any]) -> bool:
    return schema.get("additionalProperties") is True
