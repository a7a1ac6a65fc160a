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
        operation = self._operation(response.request.method, response.request.url.path)
        if operation is None:  # a plain route, or none
            return
        response.read()
        for fault in self._faults(operation, response):
            msg = f"{operation.method} {operation.path} answered {response.status_code} {fault}"
            raise AssertionError(msg)

    def _operation(self, method: str, path: str) -> Operation | None:
        scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        for row in self._rows:
            if isinstance(row, BaseRoute):
                if row.matches(scope)[0] is Match.FULL:
                    return None
            elif row.method in _methods(method) and compile_path(row.path)[0].match(path):
                return row
        return None

    def _faults(self, operation: Operation, response: "httpx2.Response") -> Iterator[str]:
        status = response.status_code
        answer = operation.responses.get(status)
        if answer is not None:
            yield from _missing_headers(operation, response)
            if response.request.method != "HEAD":
                yield from _unlike(answer, response)
        elif status not in {*problems.statuses(operation, self._service), *ANYWHERE}:
            member = "problems" if status >= ERRORS else "answers"
            yield f"without a declaration: add {status} to `{member}` of the operation, or change the handler"
        elif response.request.method != "HEAD" and not _is_problem(response):
            given = _media_type(response)
            yield f"with {given}; an error must be a problem document: raise one of firstlight.problems"


def _methods(method: str) -> Sequence[str]:
    return ("HEAD", "GET") if method == "HEAD" else (method,)


def _missing_headers(operation: Operation, response: "httpx2.Response") -> Iterator[str]:
    for header in answers.headers(operation, response.status_code):
        if header.is_required and header.name not in response.headers:
            yield f"without the header {header.name}, which the operation declares"


def _unlike(answer: "Answer", response: "httpx2.Response") -> Iterator[str]:
    """How a response differs from an answer."""
    given = _media_type(response)
    if answer.model is None:
        if answer.media_type == JSON and given == JSON:
            yield f"with a JSON document: name its model in `answers`, as in {{{response.status_code}: LinkOut}}"
        elif given != answer.media_type != JSON:
            yield f"with {given}: the operation declares {answer.media_type}"
    elif given != answer.media_type:
        yield f"with {given}: the operation declares {answer.media_type}, {answer.model.__name__}"
    elif errors := list(_errors(answer.model, response.content)):
        yield f"with a document that is no {answer.model.__name__}: {'; '.join(errors[:_SHOWN])}"


def _media_type(response: "httpx2.Response") -> str:
    return str(response.headers.get("content-type", "no Content-Type")).partition(";")[0].strip()


def _is_problem(response: "httpx2.Response") -> bool:
    if _media_type(response) != ProblemResponse.media_type:
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
