"""A curl command for an operation of the document."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from .example import Examples
from .schemas import Schema

ADDRESS = "$API"  # the shell replaces it by the address of the service


def command(method: str, path: str, operation: Schema, schemes: Mapping[str, Schema], examples: Examples) -> str:
    """The command, ready for a shell in which `API` is the address of the service."""
    words = ["curl -i", *_verb(method), f'"{ADDRESS}"{shlex.quote(_target(path, operation, examples))}']
    words += [f"-H {shlex.quote(header)}" for header in _headers(operation, schemes, examples)]
    words += _body(operation, examples)
    return " ".join(words)


def _verb(method: str) -> Iterator[str]:
    if method == "head":
        yield "--head"
    elif method != "get":
        yield f"-X {shlex.quote(method.upper())}"


def _target(path: str, operation: Schema, examples: Examples) -> str:
    """The path with an example of each parameter in it, and the query with those that are required."""
    query = []
    for given in operation.get("parameters", ()):
        value = quote(str(_value(given, examples)), safe="")
        if given["in"] == "path":
            path = path.replace(f"{{{given['name']}}}", value)
        elif given["in"] == "query" and given.get("required"):
            query.append(f"{quote(given['name'], safe='')}={value}")
    return f"{path}?{'&'.join(query)}" if query else path


def _value(given: Schema, examples: Examples) -> Any:
    schema = examples.found(given["schema"])
    plain = schema.get("type") == "string" and not {"format", "enum", "examples", "default"} & schema.keys()
    return given["name"] if plain and given["in"] == "path" else examples.of(schema)


def _headers(operation: Schema, schemes: Mapping[str, Schema], examples: Examples) -> Iterator[str]:
    for name in (name for need in operation.get("security", ()) for name in need):
        yield from _credentials(schemes.get(name, {}))
    for given in operation.get("parameters", ()):
        if given["in"] == "header" and given.get("required"):
            yield f"{given['name']}: {examples.of(given['schema'])}"


def _credentials(scheme: Schema) -> Iterator[str]:
    if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
        yield f"{scheme['name']}: KEY"
    elif scheme.get("type") == "http":
        yield f"Authorization: {str(scheme.get('scheme', 'bearer')).capitalize()} CREDENTIALS"
    elif scheme:
        yield "Authorization: Bearer TOKEN"


def _body(operation: Schema, examples: Examples) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return
    kind, body = next(iter(content.items()))
    value = body.get("example", examples.of(body["schema"], whole=False))
    if kind.endswith("json"):
        yield f"-H {shlex.quote(f'Content-Type: {kind}')}"
        yield f"-d {shlex.quote(json.dumps(value, ensure_ascii=False))}"
        return
    for name, field in (value if isinstance(value, dict) else {}).items():
        is_file = examples.found(body["schema"])["properties"][name].get("format") == "binary"
        yield f"-F {shlex.quote(f'{name}=@file' if is_file else f'{name}={field}')}"
