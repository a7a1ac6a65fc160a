"""JSON merge patches (RFC 7396): a document with the members that change; null removes a member."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, GetJsonSchemaHandler, JsonValue, RootModel, ValidationError
from pydantic_core import CoreSchema, to_json

from .field_errors import client_input, unknown_members
from .service_errors import LISTED_ERRORS

ModelT = TypeVar("ModelT", bound=BaseModel)


class MergePatch(RootModel[dict[str, JsonValue]], Generic[ModelT]):
    """The body of a PATCH. `MergePatch[Changes]` is a patch of the members of the model `Changes`."""

    def applied_to(self, current: object) -> ModelT:
        """The patched model. `current` is any object with the fields of the model, such as a row of a store.

        The result is validated as a whole, except that a member which the patch does not name keeps its value, even if
        clients may not set this value any more. Raises `InvalidError` (422), also for an unknown member unless
        the config of the model decides about `extra`.
        """
        model = self._model()
        before = model.model_construct(**{name: getattr(current, name) for name in model.model_fields})
        document = before.model_dump(mode="json", by_alias=True, warnings=False)
        merged = _merged(document, self.root)
        misspelled = {name: None for name, value in self.root.items() if value is None and name not in document}
        with client_input():
            try:
                patched = to_json({**merged, **misspelled}, inf_nan_mode="constants")
                return model.model_validate_json(patched, extra=unknown_members(model))
            except ValidationError as error:
                if self._is_cause_of(error):
                    raise
        return self._assigned(before, merged)

    @classmethod
    def _model(cls) -> type[ModelT]:
        model: type[ModelT] = cls.__pydantic_generic_metadata__["args"][0]
        return model

    def _is_cause_of(self, error: ValidationError) -> bool:
        """Whether an error is of a member that the patch names, or of the model as a whole."""
        if error.error_count() > LISTED_ERRORS:  # a list of a million values would take seconds here
            return True
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return any(not each["loc"] or each["loc"][0] in self.root for each in found)

    def _assigned(self, model: ModelT, merged: Mapping[str, Any]) -> ModelT:
        """The model with the merged values of the members that the patch names. They are valid."""
        for name, field in type(model).model_fields.items():
            written = field.serialization_alias or field.alias or name
            if written in merged and written in self.root:
                model.__pydantic_validator__.validate_assignment(model, name, merged[written])
            elif written in self.root:
                setattr(model, name, field.get_default(call_default_factory=True, validated_data={}))
        return model

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """The name in the OpenAPI document: `ChangesPatch` for the model `Changes`."""
        return f"{params[0].__name__}Patch"

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """No member is required. One with a default can be null, which removes it."""
        if not cls.__pydantic_generic_metadata__["args"]:
            return handler(core_schema)
        whole = handler.resolve_ref_schema(handler(cls._model().__pydantic_core_schema__))
        required = whole.get("required", ())
        members = {
            name: member if name in required else _nullable(member) for name, member in whole["properties"].items()
        }
        described = {
            "title": cls.__name__,
            "description": f"A JSON merge patch (RFC 7396): the members of {cls._model().__name__} that change.",
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
