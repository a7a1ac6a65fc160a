"""A value for a schema: the examples that its model declares, else values made from the types."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .schemas import PREFIX, Schema

DEEPEST = 6  # objects in objects: a model may contain itself
_BY_FORMAT: Mapping[str, str] = MappingProxyType(
    {
        "date": "2026-11-27",
        "date-time": "2026-11-27T12:00:00Z",
        "duration": "PT30S",
        "email": "person@example.com",
        "ipv4": "192.0.2.7",
        "ipv6": "2001:db8::7",
        "time": "12:00:00Z",
        "uri": "https://example.com/",
        "uri-reference": "/path",
        "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    }
)


class Examples:
    """Makes examples for schemas that refer to components by name."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        """`components` are the schemas of the document."""
        self._components = components

    def of(self, schema: Schema, *, whole: bool = True, depth: int = 0) -> Any:
        """An example. Without `whole`, it has only the members that are required."""
        schema = self.found(schema)
        for key in ("examples", "enum"):
            if schema.get(key):
                return schema[key][0]
        for key in ("example", "const", "default"):
            if key in schema:
                return schema[key]
        if depth >= DEEPEST:
            return None
        for key in ("anyOf", "oneOf", "allOf"):
            choices = [choice for choice in schema.get(key, ()) if choice.get("type") != "null"]
            if choices:
                return self.of(choices[0], whole=whole, depth=depth + 1)
        return self._typed(schema, whole=whole, depth=depth)

    def found(self, schema: Schema) -> Schema:
        """The schema itself, or the component to which it refers."""
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        return self._components.get(reference.removeprefix(PREFIX), {})

    def _typed(self, schema: Schema, *, whole: bool, depth: int) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema, whole=whole, depth=depth)
            case "array":
                items = schema.get("items", {})
                return [self.of(items, whole=whole, depth=depth + 1)] if whole or schema.get("minItems") else []
            case "integer" | "number":
                return schema.get("minimum", schema.get("maximum", 1))
            case "boolean":
                return True
            case "string":
                text = _BY_FORMAT.get(schema.get("format", ""), "text")
                return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", len(text))]
            case _:
                return None

    def _object(self, schema: Schema, *, whole: bool, depth: int) -> Any:
        required = schema.get("required", ())
        return {
            name: self.of(member, whole=whole, depth=depth + 1)
            for name, member in schema.get("properties", {}).items()
            if whole or name in required
        }
