"""What differs between the committed OpenAPI document and the one that the service has: one sentence for each part."""

from collections.abc import Iterator, Mapping
from typing import Any

from .schemas import Schema

CURE = "run `make openapi`, and commit openapi.json if the change is meant"
_KINDS = {"schemas": "the schema", "securitySchemes": "the security scheme"}


def differences(committed: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[str]:
    """The operations, schemas, responses and security schemes that differ. None for equal documents.

    `info` is not compared: name, description, owner and version have their homes in other files.
    """
    found = list(_between("the operation", _operations(committed), _operations(current)))
    for member, kind in _KINDS.items():
        found += _between(kind, _member(committed, member), _member(current, member))
    yield from found
    if found:  # what is below follows from it, mostly
        return
    yield from _between("the response", _member(committed, "responses"), _member(current, "responses"))
    for member in ("openapi", "servers", "tags"):
        if committed.get(member) != current.get(member):
            yield f"`{member}` differs from that of the service; {CURE}"


def _between(kind: str, committed: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*current, *committed)):
        if name not in committed:
            yield f"lacks {kind} {name}, which the service has; {CURE}"
        elif name not in current:
            yield f"has {kind} {name}, which the service lacks; {CURE}"
        elif committed[name] != current[name]:
            where = _first(committed[name], current[name])
            yield f"{kind} {name} differs from that of the service, first at {where}; {CURE}"


def _operations(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in _mapping(document.get("paths")).items()
        for method, operation in _mapping(item).items()
    }


def _member(document: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    return _mapping(_mapping(document.get("components")).get(member))


def _mapping(value: Any) -> Schema:
    return value if isinstance(value, dict) else {}


def _first(committed: Any, current: Any, path: tuple[str, ...] = ()) -> str:
    """Where two different values begin to differ, such as `properties.url.maxLength`."""
    if isinstance(committed, dict) and isinstance(current, dict):
        for name in dict.fromkeys((*current, *committed)):
            if name not in committed or name not in current:
                return ".".join((*path, name))
            if committed[name] != current[name]:
                return _first(committed[name], current[name], (*path, name))
    return ".".join(path) or "its value"
