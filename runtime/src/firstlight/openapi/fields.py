"""Schemas on the documentation page: what a field holds, in one line, and the table of a model's fields."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from .html import Html, element, joined, phrase, table
from .schemas import PREFIX, Schema

LONGEST_FACT = 60  # characters; the document has longer ones
_LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "less than {}",
        "multipleOf": "a multiple of {}",
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
        "minItems": "at least {} items",
        "maxItems": "at most {} items",
        "pattern": "matches {}",
        "default": "default {}",
    }
)


def fields(schema: Schema) -> Html:
    """The table of the members of an object. Nothing for another schema."""
    required = schema.get("required", ())
    rows = (
        [element("code", name), described(member, required=name in required)]
        for name, member in schema.get("properties", {}).items()
    )
    return table(("Member", "Value"), rows)


def described(schema: Schema, *, required: bool = False, text: str = "") -> Html:
    """What a value is, whether it is required, its limits, and its description."""
    facts = ["required"] if required else []
    facts += [each for part in _parts(schema) for each in _limits(part)]
    told = element("span", f", {', '.join(facts)}", class_="facts") if facts else Html()
    text = text or schema.get("description", "")
    return joined((kind(schema), told, element("p", phrase(text)) if text else Html()))


def kind(schema: Schema) -> Html:
    """The type of a value, with links to the models in it."""
    if isinstance(schema.get("$ref"), str):
        name = schema["$ref"].removeprefix(PREFIX)
        return element("a", name, href=f"#schema-{name}")
    choices = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, ())]
    if choices:
        return _between(" or ", map(kind, choices))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return _between(" or ", (element("code", _written(value)) for value in values))
    if schema.get("type") == "array":
        return joined(("array of ", kind(schema.get("items", {}))))
    if isinstance(schema.get("additionalProperties"), dict) and "properties" not in schema:
        return joined(("object whose members are ", kind(schema["additionalProperties"])))
    names = schema.get("type", "any value")
    named = " or ".join(names) if isinstance(names, list) else str(names)
    return joined((f"{named} ({schema['format']})" if "format" in schema else named,))


def _parts(schema: Schema) -> Iterator[Schema]:
    yield schema
    for key in ("anyOf", "oneOf", "allOf"):
        yield from schema.get(key, ())
    if isinstance(schema.get("items"), dict):
        yield schema["items"]


def _limits(schema: Schema) -> Iterator[str]:
    for key, words in _LIMITS.items():
        if key in schema and schema[key] is not None:
            text = schema[key] if key == "pattern" else _written(schema[key])
            if len(text) <= LONGEST_FACT:
                yield words.format(text).replace(" 1 characters", " 1 character").replace(" 1 items", " 1 item")


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _between(separator: str, parts: Iterator[Html]) -> Html:
    first, *others = parts
    return joined((first, *(each for part in others for each in (separator, part))))
