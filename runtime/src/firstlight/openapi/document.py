"""The OpenAPI document of a service: what its operations declare. Plain routes are not in it."""

import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..component import Component
from ..errors import ArrangementError
from ..media_type import JSON, MERGE_PATCH
from ..merge_patch import MergePatch
from ..operations.operation import Operation
from ..service import Service
from . import answers, parameters, problems
from .schemas import Schema, Schemas

VERSION = "3.1.0"
_LIBRARY = f"{__name__.partition('.')[0]}."
_NO_WORD = re.compile(r"\W+", re.ASCII)
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


def operations(service: Service) -> list[Operation]:
    """All operations: those of the service, then those of its components."""
    declared = (service.routes, *(component.routes for component in service.components))
    return [row for rows in declared for row in rows if isinstance(row, Operation)]


def documented(rows: Iterable[Operation]) -> list[Operation]:
    """One operation for each method and path: the default version, or the last one, of several."""
    chosen: dict[tuple[str, str], Operation] = {}
    for row in rows:
        key = row.method, parameters.template(row.path)
        known = chosen.setdefault(key, row)
        if known.version is not None and row.version is not None and not known.version.default:
            chosen[key] = row
    return list(chosen.values())


def committed(service: Service) -> dict[str, Any]:
    """The document that a service commits: without operations of the library, which change with the library."""
    return _document(service, [row for row in operations(service) if not row.handler.__module__.startswith(_LIBRARY)])


def document(service: Service) -> dict[str, Any]:
    """The whole document as JSON objects. Raises `ArrangementError` if two models have one name."""
    return _document(service, operations(service))


def _document(service: Service, declared: Sequence[Operation]) -> dict[str, Any]:
    rows, schemas = documented(declared), Schemas()
    paths: dict[str, Schema] = {}
    found: set[int] = set()
    for row, name in zip(rows, _ids(rows), strict=True):
        statuses = problems.statuses(row, service)
        found.update(statuses)
        item = paths.setdefault(parameters.template(row.path), {})
        item[row.method.lower()] = _operation(row, name, schemas, problems.references(statuses))
    components = {
        "schemas": _schemas(schemas),
        "responses": problems.responses(found),
        "securitySchemes": _security_schemes(service.components, {row.policy for row in rows}),
    }
    return {
        "openapi": VERSION,
        "info": _info(service),
        "servers": [{"url": "/"}],
        "tags": list(_tags(rows)),
        "paths": schemas.resolved(paths),
        "components": {name: members for name, members in components.items() if members},
    }


def _info(service: Service) -> Schema:
    identity = service.identity
    return {
        "title": identity.title or identity.name,
        **({"description": identity.description} if identity.description else {}),
        **({"contact": {"name": identity.owner}} if identity.owner else {}),
        "version": identity.version,
    }


def _tags(rows: list[Operation]) -> Iterator[Schema]:
    """The nouns, each with the first line of the docstring of its folder."""
    for noun in dict.fromkeys(row.noun for row in rows):
        module = next(row.handler.__module__ for row in rows if row.noun == noun)
        package = sys.modules.get(module.rpartition(".")[0])
        described = (getattr(package, "__doc__", None) or "").strip().partition("\n")[0]
        yield {"name": noun, **({"description": described} if described else {})}


def _ids(rows: Sequence[Operation]) -> list[str]:
    """The ids of the operations. Those that share a handler have method and path in their ids as well."""
    shared = Counter(row.id for row in rows)
    return [
        row.id if shared[row.id] == 1 else f"{row.id}_{row.method.lower()}_{_NO_WORD.sub('_', row.path).strip('_')}"
        for row in rows
    ]


def _operation(row: Operation, name: str, schemas: Schemas, refused: Mapping[str, Schema]) -> Schema:
    given = parameters.of(row, schemas)
    body = _body(row, schemas)
    return {
        "tags": [row.noun],
        "operationId": name,
        **({"summary": row.summary.removesuffix(".")} if row.summary else {}),
        **({"description": row.description} if row.description else {}),
        **({"parameters": given} if given else {}),
        **({"requestBody": {"required": True, "content": body}} if body else {}),
        "responses": {**answers.of(row, schemas), **refused},
        **({"deprecated": True} if row.is_deprecated else {}),
        **({"security": [{row.policy: []}]} if row.policy else {}),
    }


def _body(row: Operation, schemas: Schemas) -> Schema:
    if row.body is not None:
        content = answers.media(schemas.reference(row.body, "validation"), row.body)
        own = answers.media_types(row, JSON)
        kinds = (MERGE_PATCH, *own) if issubclass(row.body, MergePatch) else own
        return dict.fromkeys(kinds, content)
    if row.form is None:
        return {}
    return {kind: answers.media(schemas.reference(row.form, "validation"), row.form) for kind in FORMS}


def _schemas(schemas: Schemas) -> Mapping[str, Schema]:
    found = schemas.components()
    if problems.NAME in found:
        msg = f"a model is named {problems.NAME}, which is the name of error documents in OpenAPI; rename the model"
        raise ArrangementError(msg)
    return dict(sorted({**found, problems.NAME: problems.schema()}.items()))


def _security_schemes(components: Sequence[Component[Any, Any]], used: Collection[str | None]) -> Mapping[str, Any]:
    schemes = (scheme for component in components for scheme in component.security_schemes.items())
    return {name: dict(scheme) for name, scheme in schemes if name in used}
