"""JSON merge patches (RFC 7396): a document with the members that change; null removes a member."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, GetJsonSchemaHandler, JsonValue, RootModel
from pydantic_core import CoreSchema, to_json

from .field_errors import client_input

ModelT = TypeVar("ModelT", bound=BaseModel)


class MergePatch(RootModel[dict[str, JsonValue]], Generic[ModelT]):
    """The body of a PATCH. `MergePatch[Changes]` is a patch of the members of the model `Changes`."""

    def applied_to(self, current: ModelT) -> ModelT:
        """The patched model, validated as a whole. Raises `InvalidError` (422), also for an unknown member.

        Give the model `extra="forbid"`, so that a misspelled member is not ignored.
        """
        model = type(current)
        document = current.model_dump(mode="json", by_alias=True)
        removed = {name for name, value in self.root.items() if value is None and name in document}
        merged = _merged(document, self.root)
        misspelled = {name: None for name in self.root if name not in merged and name not in removed}
        with client_input():
            return model.model_validate_json(to_json({**merged, **misspelled}, inf_nan_mode="constants"))

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """The name in the OpenAPI document: `ChangesPatch` for the model `Changes`."""
        return f"{params[0].__name__}Patch"

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """No member is required. One with a default can be null, which removes it."""
        model: Any = (*cls.__pydantic_generic_metadata__["args"], None)[0]
        if model is None:
            return handler(core_schema)
        whole = handler.resolve_ref_schema(handler(model.__pydantic_core_schema__))
        required = whole.get("required", ())
        members = {
            name: member if name in required else _nullable(member) for name, member in whole["properties"].items()
        }
        described = {
            "title": cls.__name__,
            "description": f"A JSON merge patch (RFC 7396): the members of {model.__name__} that change.",
        }
        kept = {key: value for key, value in whole.items() if key not in {"required", "properties", *described}}
        return {**kept, **described, "properties": members}


def _merged(target: Any, patch: Any) -> Any:
    """The algorithm of RFC 7396, section 2."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result


def _nullable(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without its default: in a patch, a missing member is unchanged."""
    plain = {key: value for key, value in schema.items() if key != "default"}
    one_of = plain.get("anyOf", ())
    return plain if {"type": "null"} in one_of else {"anyOf": [plain, {"type": "null"}]}
