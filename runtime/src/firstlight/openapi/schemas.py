"""The JSON schemas of the models: one component for each, under the name of its class."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import CoreModeRef, DefsRef, GenerateJsonSchema, JsonSchemaWarningKind
from pydantic_core import core_schema
from starlette.datastructures import UploadFile

from ..errors import ArrangementError
from ..field_errors import unknown_members

Schema = dict[str, Any]
Use = Literal["validation", "serialization"]  # as the input of an operation, or as its output
PREFIX = "#/components/schemas/"
INPUT = "Input"
CLOSED = "additionalProperties"
MODELS = 1024  # whose schemas are remembered
_MODULES = re.compile(r"(?:[^.,\[\]]+\.)+")
_WITHOUT_BRACKETS = str.maketrans("", "", "[], ")
_IDS = re.compile(r":\d+")


class Schemas:
    """Collects the schemas of models.

    The input and the output of one model can differ, for example by a computed field. Then the schema of the input has
    the name of the class with `Input` after it. This is known when all models are there: until `resolved`, references
    name the use of a model.
    """

    def __init__(self) -> None:
        """No models yet."""
        self._found: dict[Use, dict[str, Schema]] = {"validation": {}, "serialization": {}}
        self._classes: dict[str, set[str]] = {}

    def reference(self, model: type[BaseModel], use: Use) -> Schema:
        """A reference to the schema of a model."""
        made = self._added(model, use)
        if reference := made.schema.get("$ref"):  # a model that contains itself
            return {"$ref": reference}
        self._found[use][made.name] = made.schema
        return {"$ref": f"{use}{made.name}"}

    def fields(self, model: type[BaseModel]) -> Schema:
        """The schema of a model that is no component, because its fields are parameters."""
        made = self._added(model, "validation", apart=True)
        name = str(made.schema.get("$ref", "")).removeprefix("validation")
        return self._found["validation"].get(name, made.schema)

    def resolved(self, value: Any) -> Any:
        """A copy of a JSON value whose references name the components."""
        return _with_references(value, self._names())

    def components(self) -> Mapping[str, Schema]:
        """All schemas by name. Raises `ArrangementError` if two models have one name."""
        for name, classes in self._classes.items():
            if len(classes) > 1:
                both = " and ".join(sorted(_IDS.sub("", each) for each in classes))
                msg = f"the models {both} would both be {name} in the OpenAPI document; rename one of them"
                raise ArrangementError(msg)
        names = self._names()
        found = {  # of a model that is both, the input counts: it says more
            names[f"{use}{name}"]: schema
            for use, schemas in reversed(self._found.items())
            for name, schema in schemas.items()
        }
        return {name: _with_references(found[name], names) for name in sorted(found)}

    def _added(self, model: type[BaseModel], use: Use, *, apart: bool = False) -> "_Made":
        made = _made(model, use)
        self._found[use].update(made.others)
        for reference in made.classes:
            if not (apart and reference.endswith(f":{id(model)}")):
                self._classes.setdefault(_MODULES.sub("", _IDS.sub("", reference)), set()).add(reference)
        return made

    def _names(self) -> Mapping[str, str]:
        """The name of the component for each use of a model."""
        inputs, outputs = self._found["validation"], self._found["serialization"]
        plain = {f"{use}{name}": name for use, schemas in self._found.items() for name in schemas}
        differing = {
            name
            for name in inputs.keys() & outputs.keys()
            if _with_references(inputs[name], plain) != _with_references(_as_closed(outputs[name], inputs[name]), plain)
        }
        grown = True
        while grown:  # a model differs, too, if one that it refers to does
            more = {
                name
                for name in inputs.keys() & outputs.keys() - differing
                if any(plain[reference] in differing for reference in _references(inputs[name]))
            }
            differing |= more
            grown = bool(more)
        return plain | {f"validation{name}": f"{name}{INPUT}" for name in differing}


class _Made(NamedTuple):
    """The schema of a model, the schemas to which it refers, and the classes in both."""

    name: str
    schema: Schema
    others: Mapping[str, Schema]
    classes: frozenset[str]


@lru_cache(MODELS)
def _made(model: Any, use: Use) -> _Made:
    """Remembered, because the tests of a service create it many times, and one model takes a millisecond."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        msg = (
            f"{getattr(model, '__name__', model)} describes a request or a response and is no model of pydantic; "
            "derive it from pydantic.BaseModel"
        )
        raise ArrangementError(msg)
    closes = use == "validation" and unknown_members(model) is not None
    generator = _Generator(use + "{model}", closes=closes)
    schema = generator.generate(TypeAdapter(model).core_schema, mode=use)
    others = schema.pop("$defs", {})
    return _Made(generator.normalize_name(model.__name__), schema, others, frozenset(generator.classes))


class _Generator(GenerateJsonSchema):
    """Generates the schema of one model, and notes the classes in it."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def __init__(self, ref_template: str, *, closes: bool) -> None:
        super().__init__(ref_template=ref_template)
        self._closes = closes
        self.classes: set[str] = set()

    def get_defs_ref(self, core_mode_ref: CoreModeRef) -> DefsRef:
        self.classes.add(core_mode_ref[0])
        return super().get_defs_ref(core_mode_ref)

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema  # the title of a field would be its name again
        return False

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(name.translate(_WITHOUT_BRACKETS))  # `PageOf[Link]` is PageOfLink

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        """The schema of an input also says that unknown members are refused."""
        made = super().model_schema(schema)
        if self._closes and "properties" in made and unknown_members(schema["cls"]):
            made.setdefault(CLOSED, False)
        return made

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> Schema:
        if isinstance(schema["cls"], type) and issubclass(schema["cls"], UploadFile):
            return {"type": "string", "format": "binary"}
        return super().is_instance_schema(schema)

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
        """A type that JSON schemas cannot describe: any value."""
        del schema, error_info
        return {}


def _as_closed(output: Schema, given: Schema) -> Schema:
    """The schema of an output, closed if that of the input is: this alone makes no other component."""
    return {**output, CLOSED: given[CLOSED]} if CLOSED in given else output


def _with_references(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference in names:
            value = {**value, "$ref": f"{PREFIX}{names[reference]}"}
        return {key: _with_references(member, names) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_with_references(member, names) for member in value]
    return value


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)
