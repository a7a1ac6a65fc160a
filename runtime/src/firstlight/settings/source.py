"""The environment as the source of settings. Spaces around values and the letter case of choices are ignored."""

from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from ..errors import SettingsError
from ..refusals import variable
from ..text import is_unicode, shown
from .complaints import read
from .opentelemetry import OpenTelemetrySettings
from .variables import BY_FIELD


class Environment(EnvSettingsSource):
    """Reads the fields of one settings class."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The text of a variable, or the parsed value of an OpenTelemetry variable, or `None` if it is not set.

        Raises `SettingsError` for a text that is not UTF-8.
        """
        value, key, is_complex = super().get_field_value(field, field_name)
        if not isinstance(value, str):
            return value, key, is_complex
        value = value.strip()
        if self._is_standard(field_name):
            return read(BY_FIELD[field_name], value), key, False
        if not (value or not self.env_ignore_empty):
            return None, key, is_complex
        if not is_unicode(value) and not _is_only_shown(field):
            msg = f"{variable(self.settings_cls, key)} must be text in UTF-8"
            raise SettingsError(msg)
        return _chosen(field.annotation, value), key, is_complex

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:  # noqa: FBT001 - as the library calls it
        """Decode JSON. OpenTelemetry's variables are not JSON."""
        if self._is_standard(field_name):
            return value
        return super().prepare_field_value(field_name, field, value, value_is_complex)

    def _is_standard(self, field_name: str) -> bool:
        return field_name in BY_FIELD and issubclass(self.settings_cls, OpenTelemetrySettings)


def _is_only_shown(field: FieldInfo) -> bool:
    return any(getattr(rule, "func", None) is shown for rule in field.metadata)


def _chosen(annotation: Any, value: str) -> str:
    """The option that the value names, in any letter case, if the type is a choice."""
    options = {option.casefold(): option for option in _options(annotation)}
    return options.get(value.casefold(), value)


def _options(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [option for option in get_args(annotation) if isinstance(option, str)]
    if get_origin(annotation) in {Union, UnionType, Annotated}:
        return [option for part in get_args(annotation) for option in _options(part)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [member.value for member in annotation if isinstance(member.value, str)]
    return []
